// The nine-tap convolution over a table of neighbours, in float32. Self-contained: a cgo package that is handed the address
// of the function table (package internal/kernel/c, ConvTable) needs this header and nothing to link.
//
// Maps are (N, C, P). For output pixel p, channel o and map n
//
//	Y[n,o,p] = B[o] + S[p] * sum over c, k of W[o,c,k] * x[n,c,index[p,k]]
//
// (with pairs, turned as astronnx_conv_table says) where x reads 0 if the index is missing (negative, or not below p_in) or the pixel is masked out. Masked values are
// never read into the arithmetic, so a NaN under the mask stays there.
#ifndef ASTRONNX_HEALPIX_CONV_H
#define ASTRONNX_HEALPIX_CONV_H

#include <stddef.h>
#include <stdint.h>

#define ASTRONNX_CONV_TAPS 9
#define ASTRONNX_CONV_VERSION 2

enum astronnx_conv_status {
	ASTRONNX_CONV_OK = 0,
	ASTRONNX_CONV_BAD_ARGUMENT = 1, // a null pointer, or a value outside its enum
	ASTRONNX_CONV_BAD_SIZE = 2,     // a size below its minimum, or whose product overflows
	ASTRONNX_CONV_BAD_TABLE = 3,    // a fill outside the table, or two of one tap
	ASTRONNX_CONV_NO_MEMORY = 4,
	ASTRONNX_CONV_NO_PATH = 5,      // the processor lacks the instructions asked for
};

enum astronnx_conv_path {
	ASTRONNX_CONV_AUTO = 0, // the fastest this processor runs
	ASTRONNX_CONV_PORTABLE = 1,
	ASTRONNX_CONV_AVX2 = 2,
	ASTRONNX_CONV_AVX512 = 3,
};

// A tap that reads the mean of two input pixels, in place of what the table holds.
typedef struct {
	int64_t pixel; // output pixel
	int64_t tap;   // 0..8
	int64_t a, b;  // input pixels
} astronnx_conv_fill;

typedef struct {
	int64_t p_in, p_out;
	const void *index; // [p_out][9], taps in lattice order N NE E NW C SE W SW S
	int index_bytes;   // 4 (int32) or 8 (int64)
	const astronnx_conv_fill *fills;
	int64_t n_fills;
	int64_t tile; // outputs worked on together, at most 2048; 0: chosen
	// Channels 2s and 2s+1 for s < pairs are q and u, of which a tap reads c q - s u and c u + s q: turns holds its c and s.
	int64_t pairs; // at most ASTRONNX_CONV_PAIRS
	const float *turns; // [p_out][9][2]; NULL if there are no pairs
} astronnx_conv_table;

#define ASTRONNX_CONV_PAIRS 24

// Where the pixels stand: tiles, what they read, and their patterns. Immutable, shared by any number of layers and threads.
typedef struct astronnx_conv_geom astronnx_conv_geom;

// What one layer multiplies by. Immutable; any geometry.
typedef struct astronnx_conv_weights astronnx_conv_weights;

// Calls fn(usr, i) for every i below total, in any order, on any threads, and returns when all are done.
typedef void (*astronnx_conv_parallel_for)(void *ctx, void (*fn)(void *usr, size_t i), size_t total, void *usr);

enum astronnx_conv_pool { ASTRONNX_CONV_NO_POOL = 0, ASTRONNX_CONV_SUM4 = 1, ASTRONNX_CONV_MAX4 = 2 };

// What Y goes through before it is written, as the operators Relu and then a pool of each four outputs in a row would change it: it
// is factor times their sum, in float64, or the largest of them. A NaN stays one.
typedef struct {
	int relu;
	int pool; // enum astronnx_conv_pool; p_out and the tile must be multiples of four
	double factor;
} astronnx_conv_ending;

typedef struct {
	int64_t n;
	const float *x;      // [n][ci][p_in]
	float *y;            // [n][co][p_out], or p_out / 4 with a pool; must not overlap x
	astronnx_conv_ending ending;
	const uint8_t *mask; // [p_in] or [n][p_in], 0 = invalid; NULL: all valid
	int mask_per_map;
	const float *scale; // [p_out] or [n][p_out]; NULL: 1
	int scale_per_map;
	int fill_valid_mean; // a fill with one masked pixel reads the other, not half of it
	int path;            // enum astronnx_conv_path
	int threads;         // how many threads parallel_for runs, to size the items; 0: unknown
	astronnx_conv_parallel_for parallel_for; // NULL: the calling thread does all
	void *ctx;
} astronnx_conv_args;

// The gradient of W, of dy the one of Y: dw[o,c,k] = sum over n, p of dy[n,o,p] * x[n,c,index[p,k]].
typedef struct {
	int64_t n, co, ci;
	const float *x;  // [n][ci][p_in]
	const float *dy; // [n][co][p_out]
	float *dw;       // [co][ci][9], taps in the table's order
	int path;
	astronnx_conv_parallel_for parallel_for;
	void *ctx;
} astronnx_conv_weight_grad;

typedef struct {
	int64_t tiles, patterns; // patterns: tiles that differ in more than where they read
	int64_t rows;            // input pixels copied, all tiles; rows / p_in is the cost of the halo
	int64_t singles;         // of these, the ones read one by one
	int64_t bytes;
} astronnx_conv_info;

typedef struct {
	uint32_t version; // ASTRONNX_CONV_VERSION
	uint32_t bytes;   // sizeof(astronnx_healpix_conv_api)

	// Nothing of the table is kept. Any numbering serves whose neighbours in number are mostly neighbours on the sphere: NESTED,
	// RING, XY, and their parts.
	int (*geom_new)(const astronnx_conv_table *table, astronnx_conv_geom **out);
	void (*geom_free)(astronnx_conv_geom *g); // NULL is allowed
	void (*geom_info)(const astronnx_conv_geom *g, astronnx_conv_info *out);

	// w is [co][ci][9], taps in the table's order; bias is [co] or NULL.
	int (*weights_new)(int64_t co, int64_t ci, const float *w, const float *bias, astronnx_conv_weights **out);
	void (*weights_free)(astronnx_conv_weights *w); // NULL is allowed

	// Safe from many threads. The result does not depend on the number of threads, to the last bit.
	int (*run)(const astronnx_conv_geom *g, const astronnx_conv_weights *w, const astronnx_conv_args *a);

	// As run.
	int (*weight_grad)(const astronnx_conv_geom *g, const astronnx_conv_weight_grad *a);

	// Bytes each working thread holds for this pair. They are kept, grown at need, until the thread ends.
	size_t (*scratch_bytes)(const astronnx_conv_geom *g, const astronnx_conv_weights *w);

	int (*has_path)(int path);
	const char *(*message)(int status); // never NULL
} astronnx_healpix_conv_api;

#endif
