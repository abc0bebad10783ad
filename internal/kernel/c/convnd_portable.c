//go:build cgo && !purego

#include "convnd_internal.h"

#define TARGET
#define LANES 4
#define ROWS1 8
#define ROWS2 6
#include "convnd_kernel.h"

const nd_path nd_portable = {LANES, outer, across};
