//go:build cgo && !purego

package c

/*
#include "internal.h"
#include "train.h"

extern const astronnx_train_api *train_path_of(int which);
*/
import "C"

import "unsafe"

// TrainTable returns the address of the function table of the fastest path, an astronnx_train_api of train.h. It is static and
// read-only.
func TrainTable() unsafe.Pointer { return TrainPath(C.ASTRONNX_CONV_AUTO) }

// TrainPath is the table of one path, nil if the processor lacks it.
func TrainPath(path int) unsafe.Pointer { return unsafe.Pointer(C.train_path_of(C.int(path))) }
