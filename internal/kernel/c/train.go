//go:build cgo && !purego

package c

/*
#include "internal.h"
#include "train.h"

extern const astronnx_train_api *train_path_of(int which);
*/
import "C"

import "unsafe"

// TrainPath returns the address of a path's function table, an astronnx_train_api of train.h, nil if the processor lacks the path. It is
// static and read-only.
func TrainPath(path int) unsafe.Pointer { return unsafe.Pointer(C.train_path_of(C.int(path))) }
