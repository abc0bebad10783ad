// Convolution of images and volumes with a filter, and its two gradients, in float32. Self-contained: a cgo package that is handed
// the address of the function table (package internal/kernel/c, ConvNDTable) needs this header and nothing to link.
//
// An image has three axes; a plane has depth 1. With x[n][ci][in], w[co][ci][kernel], y[n][co][out]
//
//	y[n,o,p] = bias[o] + sum over c, k of w[o,c,k] * x[n,c,p*stride+k-pad]
//
// where x reads 0 outside. Sizes of `out` are free: what they leave out at the end is not read, what they reach beyond reads 0.
#ifndef ASTRONNX_CONVND_H
#define ASTRONNX_CONVND_H

#include <stddef.h>
#include <stdint.h>

#define ASTRONNX_CONVND_VERSION 1

enum astronnx_convnd_op {
	ASTRONNX_CONVND_FORWARD = 0,     // a = x, b = w: y
	ASTRONNX_CONVND_GRAD_INPUT = 1,  // a = dy, b = w: dx
	ASTRONNX_CONVND_GRAD_WEIGHT = 2, // a = x, b = dy: dw
};

typedef struct {
	int64_t n, ci, co;
	int64_t in[3], out[3], kernel[3], stride[3];
	int64_t pad[3]; // zeros before the first element of an axis
} astronnx_convnd_shape;

// Calls fn(usr, i) for every i below total, in any order, on any threads, and returns when all are done.
typedef void (*astronnx_convnd_parallel_for)(void *ctx, void (*fn)(void *usr, size_t i), size_t total, void *usr);

typedef struct {
	int op; // enum astronnx_convnd_op
	const float *a, *b;
	const float *bias; // [co], of the forward operation; NULL: 0
	float *result;     // must not overlap the others
	int path;          // enum astronnx_conv_path of healpix_conv.h; 0: the fastest
	int threads;       // how many threads parallel_for runs, to size the items; 0 is 1
	astronnx_convnd_parallel_for parallel_for; // NULL: the calling thread does all
	void *ctx;
	void *scratch; // scratch_bytes, at a multiple of 64
} astronnx_convnd_args;

typedef struct {
	uint32_t version; // ASTRONNX_CONVND_VERSION
	uint32_t bytes;   // of this struct

	// Bytes of scratch of a call; SIZE_MAX if a size is below its minimum or overflows. Each working thread holds some hundred
	// kilobytes besides, until it ends.
	size_t (*scratch_bytes)(const astronnx_convnd_shape *s, int op);

	// Returns an enum astronnx_conv_status of healpix_conv.h. Safe from many threads; the result does not depend on their number,
	// to the last bit.
	int (*run)(const astronnx_convnd_shape *s, const astronnx_convnd_args *a);

	const char *(*message)(int status); // never NULL
} astronnx_convnd_api;

#endif
