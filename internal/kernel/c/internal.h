// Shared by the C files of this folder.
#ifndef ASTRONNX_KERNEL_INTERNAL_H
#define ASTRONNX_KERNEL_INTERNAL_H

#include "healpix_conv.h"

#include <stdbool.h>
#include <stdlib.h>

#pragma GCC visibility push(hidden)

enum {
	TAPS = ASTRONNX_CONV_TAPS,
	GROUP = 16,                    // outputs summed together
	HALF = 8,                      // outputs whose offsets of one tap stand together in a pattern
	GROUP_ENTRIES = GROUP * TAPS,  // pattern entries of a group: [2][TAPS][HALF]
	BATCH = 128,                   // outputs finished together: eight lines of each channel
	BLOCK = 32,                    // output channels computed together; the last block of a layer may be of GROUP
	MAX_TILE = 2048,               // rows, at most 1 + (TAPS + 1) * MAX_TILE, fit 16 bits and by a stride 32
};

// Consecutive input pixels, copied to consecutive rows.
typedef struct {
	int64_t start;
	int64_t rows;
} span;

typedef struct {
	int64_t a, b;
} pair;

// A tile's rows: row 0 is zero, then its spans, singles and pairs. Each field is where its part of a shared list begins;
// the next tile's field is where it ends.
typedef struct {
	int64_t first; // its first output
	int64_t span, single, pair;
	int64_t pattern; // number of its pattern
} tile;

struct astronnx_conv_geom {
	int64_t p_in, p_out;
	int64_t tile_pixels;    // outputs of a tile, but for the last
	int64_t pattern_groups; // groups of a pattern
	int64_t n_tiles, n_patterns, max_rows;
	tile *tiles; // [n_tiles + 1]
	span *spans;
	int64_t *singles;
	pair *pairs;
	uint16_t *patterns; // [n_patterns][pattern_groups][2][TAPS][HALF] rows
	int64_t spins; // pairs of channels that are turned
	float *turns;  // [n_tiles][pattern_groups][2][TAPS][HALF][2]; NULL if none are
	int64_t bytes;
};

struct astronnx_conv_weights {
	int64_t co, ci;
	int64_t co_padded; // to a multiple of GROUP
	int64_t ci_block;  // input channels held in rows at once
	float *packed;     // [ci / ci_block][co / BLOCK][TAPS][ci_block][BLOCK]; short last blocks are stored short
	float *bias;       // [2][co_padded]: the bias, and zeros
};

// What a processor does its own way. Rows hold `channels` floats each, without gaps.
typedef struct {
	// Transposes `pixels` pixels of `channels` planes into rows, reading 0 where mask, if any, is 0.
	void (*load)(float *rows, const float *x, int64_t plane, int channels, int64_t pixels, const uint8_t *mask);
	// Turns the row numbers of a group into byte offsets.
	void (*offsets)(uint32_t *off, const uint16_t *row, uint32_t stride);
	// Sums of one group over TAPS and channels, for `width` (GROUP or BLOCK) output channels: o[GROUP][ldo], added to what
	// o holds if accumulate.
	void (*gemm)(float *o, int64_t ldo, const float *rows, const uint32_t *off, int channels, const float *w, int width,
	             bool accumulate);
	// y[c][i] = scale[i] * o[i][c] + bias[c] for n outputs. scale NULL: 1. Streamed stores need y and plane at multiples of 64
	// bytes.
	void (*finish)(float *y, int64_t plane, int64_t n, const float *o, int64_t ldo, int channels, const float *bias,
	               const float *scale, bool stream);
	void (*fence)(void); // after streamed stores
	// Makes of n outputs in o, [n][ldo] with `channels` to a multiple of GROUP, what they are past e, with bias and scale: n of them,
	// or n / 4 with a pool.
	void (*end)(float *o, int64_t n, int64_t ldo, int64_t channels, const float *bias, const float *scale, const astronnx_conv_ending *e);
} path;

void conv_end_portable(float *o, int64_t n, int64_t ldo, int64_t channels, const float *bias, const float *scale,
                       const astronnx_conv_ending *e);
void conv_end_avx2(float *o, int64_t n, int64_t ldo, int64_t channels, const float *bias, const float *scale,
                   const astronnx_conv_ending *e);
void conv_end_avx512(float *o, int64_t n, int64_t ldo, int64_t channels, const float *bias, const float *scale,
                     const astronnx_conv_ending *e);

extern const path conv_portable;
#if defined(__x86_64__)
extern const path conv_avx2, conv_avx512;
#endif

// Allocates n elements of `size` bytes at a multiple of 64, NULL if it cannot; conv_free frees them.
void *conv_alloc(int64_t n, size_t size);
void conv_free(void *p);

// The calling thread's scratch, at least `bytes` at a multiple of 64; NULL without memory. Freed when the thread ends.
void *conv_scratch(size_t bytes);

const path *conv_path(int which);

int conv_geom_new(const astronnx_conv_table *t, astronnx_conv_geom **out);
void conv_geom_free(astronnx_conv_geom *g);
void conv_geom_info(const astronnx_conv_geom *g, astronnx_conv_info *out);
int conv_weights_new(int64_t co, int64_t ci, const float *w, const float *bias, astronnx_conv_weights **out);
void conv_weights_free(astronnx_conv_weights *w);
int conv_run(const astronnx_conv_geom *g, const astronnx_conv_weights *w, const astronnx_conv_args *a);
int conv_weight_grad(const astronnx_conv_geom *g, const astronnx_conv_weight_grad *a);
// Copies what tile t reads into rows: `channels` planes from x on.
void conv_load_rows(const astronnx_conv_geom *g, const path *path, const tile *t, float *rows, const float *x, int channels,
                    const uint8_t *mask, bool fill_valid_mean);
// Makes the rows of group i of tile t anew at `held`, as many as it has entries, with the pairs turned, and lets off read them there:
// they are rows `first` on of what off counts from.
void conv_turn(const astronnx_conv_geom *g, const tile *t, int64_t i, float *held, int64_t first, const float *rows, uint32_t *off,
               int channels);
size_t conv_scratch_bytes(const astronnx_conv_geom *g, const astronnx_conv_weights *w);
const astronnx_healpix_conv_api *conv_table(void);
const char *conv_message(int status);
double conv_peak(int which);

static inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

#pragma GCC visibility pop
#endif
