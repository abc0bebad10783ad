// Passes of training over float32 tensors. Self-contained, as healpix_conv.h: a cgo package that is handed the address of the
// function table (package internal/kernel/c, TrainPath) needs this header and nothing to link. Each function does a part of its
// work, so that the caller may share it among threads; the result does not depend on the parts, to the last bit.
#ifndef ASTRONNX_TRAIN_H
#define ASTRONNX_TRAIN_H

#include <stdint.h>

#define ASTRONNX_TRAIN_VERSION 1

// One step of Adam: m1 = m + share1 (g - m), v1 = v + share2 (g * g - v), p1 = keep * p - rate * m1 / (sqrt(v1) + epsilon).
typedef struct {
	const float *p, *g, *m, *v;
	float *p1, *m1, *v1; // may be p, m, v
	float share1, share2, rate, epsilon, keep;
} astronnx_adam;

// What was done to the normalised images, whose gradient dy then is the one of.
enum astronnx_activation { ASTRONNX_PLAIN = 0, ASTRONNX_RELU = 1, ASTRONNX_LEAKY_RELU = 2 };

// The adjoint of a batch normalisation in training, of images [images][channels][inner].
typedef struct {
	const float *x, *dy, *scale, *bias, *mean, *var;
	float *dx, *dscale, *dbias; // dx may be dy
	int64_t images, channels, inner;
	float epsilon, alpha;
	int activation; // enum astronnx_activation
} astronnx_batch_norm_grad;

// The largest of each four inputs, which at lists, or side by side if it is NULL: the first that no other exceeds, or the first NaN.
typedef struct {
	const float *x;
	const int32_t *at; // [out][4]
	float *y;
	int64_t *indices; // where they stand in x; NULL: not wanted
	// The adjoint, instead of y and indices: dx gets dy where the largest stands, 0 at the other three.
	const float *dy;
	float *dx;
	int relu; // whether x went through a Relu first, so that dy counts only where the largest is positive
	double scale; // of sums
} astronnx_pool4;

// The adjoint of the sums of fours, each times scale: dx[p] gets scale times dy of the output that p is part of, which at lists, or
// p / 4 if it is NULL; with relu only where x is positive.
typedef struct {
	const float *x, *dy;
	const int32_t *at;
	float *dx;
	float scale;
	int relu;
} astronnx_sum4_grad;

// A tap of a convolution on the sphere whose gradient is added alone: dx[.][to] += factor * sum over o of w[tap][o][.] * z[o][from].
typedef struct {
	int64_t to, from, tap;
	float factor;
} astronnx_conv_extra;

typedef struct {
	const astronnx_conv_extra *extras;
	int64_t n, co, ci, p_in, p_out;
	const float *z; // [co][p_out] of one map
	const float *w; // [tap][co][ldw]
	int64_t ldw;    // ci, to a multiple of ASTRONNX_EXTRA_CHANNELS
	float *dx;      // [ci][p_in]
} astronnx_conv_extras;

#define ASTRONNX_EXTRA_CHANNELS 64

// The adjoint of the largest element of each window over planes of three axes, the first of equal ones or of NaN: dx gets what dy has
// for the windows in which it is that. Elements outside a plane are none.
typedef struct {
	const float *x, *dy; // [planes][in], [planes][out]
	float *dx;           // [planes][in]
	int64_t in[3], out[3], kernel[3], stride[3], dilation[3], pad[3];
} astronnx_max_pool_grad;

typedef struct {
	uint32_t version, bytes; // ASTRONNX_TRAIN_VERSION, sizeof(astronnx_train_api)

	void (*adam)(const astronnx_adam *a, int64_t first, int64_t last); // of the elements
	void (*max_pool_grad)(const astronnx_max_pool_grad *g, int64_t first, int64_t last); // of the planes
	void (*conv_extras)(const astronnx_conv_extras *a);
	void (*pool4)(const astronnx_pool4 *a, int64_t first, int64_t last); // of the outputs
	void (*pool4_grad)(const astronnx_pool4 *a, int64_t first, int64_t last);
	void (*sum4)(const astronnx_pool4 *a, int64_t first, int64_t last); // y is scale times the sum of the four, in float64
	void (*sum4_grad)(const astronnx_sum4_grad *a, int64_t first, int64_t last); // of the elements of dx
	void (*batch_norm_grad)(const astronnx_batch_norm_grad *g, int64_t first, int64_t last); // of the channels
} astronnx_train_api;

#endif
