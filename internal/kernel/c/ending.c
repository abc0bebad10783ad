//go:build cgo && !purego

#include "internal.h"

#include <string.h>

#define KERNEL "ending_kernel.h"
#include "each_path.h"
