// Passes of training over float32 tensors. Self-contained, as healpix_conv.h: a cgo package that is handed the address of the
// function table (package internal/kernel/c, TrainTable) needs this header and nothing to link. Each function does a part of its
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

typedef struct {
	uint32_t version, bytes; // ASTRONNX_TRAIN_VERSION, sizeof(astronnx_train_api)

	void (*adam)(const astronnx_adam *a, int64_t first, int64_t last); // of the elements
	void (*batch_norm_grad)(const astronnx_batch_norm_grad *g, int64_t first, int64_t last); // of the channels
} astronnx_train_api;

#endif
