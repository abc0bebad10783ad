// Shared by the convnd files. A result is a sum of products in which one operand is gathered and vectors run along channels:
//
//	c[i][v] += sum over l of x[row[i] + at[l]] * b[l][v]
//
// For y and dx the rows are pixels, l counts channels and taps, and b is the filter. For dw the rows are channels and taps, l
// counts pixels, and b is dy. So x is never copied tap by tap (im2col), and pixels may stand anywhere: a row's end costs nothing.
//
// x is copied, a box at a time, to a slab that stays in the second-level cache: padded with zeros, and split by the stride's
// phases, in which every tap is one constant offset from its pixel.
#ifndef ASTRONNX_CONVND_INTERNAL_H
#define ASTRONNX_CONVND_INTERNAL_H

#include "convnd.h"
#include "internal.h"

#include <string.h>

#pragma GCC visibility push(hidden)

enum {
	ND_PIXELS = 96,           // pixels of y or dx summed together: a multiple of every path's rows
	ND_TERMS = 256,           // terms of a sum before it is added to the result, so that b stays in the first-level cache
	ND_ROWS = 4,              // channels of a block where vectors run along pixels
	ND_MAX_WIDTH = 32,        // channels of a block, at most
	ND_SLAB_FLOATS = 64 << 10, // what a slab should not exceed
};

// Vectors of pixels summed together for m channels, at most: their sums fill the registers.
#define ND_VECTORS(m) ((m) == 1 ? 8 : (m) == 2 ? 4 : 3)

// What a processor does its own way.
typedef struct {
	int lanes; // channels of a vector; a block of channels has one vector or two
	void (*outer)(int64_t n, const float *x, const int32_t *row, int64_t k, const int32_t *at, const float *b, int width, float *c);
	// Where channels are few, vectors run along pixels that follow each other: to[i][p] = bias[i] + sum over l of b[l][i] * x[p + at[l]]
	// for m channels and n pixels; b has ND_ROWS channels. Reads, and forgets, less than a vector behind the last pixel.
	void (*across)(int m, int64_t n, const float *x, int64_t k, const int32_t *at, const float *b, const float *bias, float *to,
	               int64_t to_row);
} nd_path;

extern const nd_path nd_portable;
#if defined(__x86_64__)
extern const nd_path nd_avx2, nd_avx512;
#endif

// The grid of pixels over which a slab is laid. Position g of an axis reads source elements g*step + first + (0 .. step*(1+reach)-1).
typedef struct {
	const float *x;
	int64_t n, channels;
	int64_t size[3];            // of the source
	int64_t first[3], step[3], reach[3];
	int64_t split[3];           // phases that are read, of step
	int64_t grid[3];            // positions
	int64_t images, box[3];     // of a box, at most; box[2] is grid[2]
	int64_t boxes[3], n_boxes;  // along images and axes 0 and 1
	int64_t row[3];             // positions of the slab along an axis
	int64_t channel, phase;     // distances in the slab
	int64_t floats;
} nd_grid;

// nd_grid_boxes cuts the grid into boxes, at least `least` of them if there is so much to cut; false if a size overflows.
bool nd_grid_boxes(nd_grid *g, int64_t channels, int64_t least);

// A box: images first .. first+images-1 and positions.
typedef struct {
	int64_t image, images, start[3], size[3];
} nd_box;

nd_box nd_box_at(const nd_grid *g, int64_t i);

// nd_slab_fill copies what a box reads of channels c .. c+channels-1.
void nd_slab_fill(const nd_grid *g, const nd_box *b, int64_t c, int64_t channels, float *slab);

// nd_tap is the offset in the slab of element k of the window of a pixel, in channel 0.
int64_t nd_tap(const nd_grid *g, const int64_t k[3]);

// Pixels that follow each other in the result.
typedef struct {
	int64_t image, plane; // plane: the result's element of the first pixel, but for what axis 2 adds where its step is not 1
	int64_t position;     // of the first pixel on axis 2
	int first, count;     // in the batch
} nd_run;

// Where position g of an axis goes in the result: g*step + shift, if it is inside. Of axis 2 all shifts below the step are written.
typedef struct {
	int64_t step[3], shift[3], size[3];
} nd_target;

// Walks over the pixels of a box that have a place in the result.
typedef struct {
	const nd_grid *grid;
	const nd_box *box;
	const nd_target *to;
	int64_t end[3];          // positions of the box
	bool rows;               // pixels of a run follow each other in the slab too
	int64_t image, at[3];    // the next
	int32_t pixel[ND_TERMS]; // offsets in the slab
	nd_run run[ND_TERMS];
	int pixels, runs;
} nd_walk;

void nd_walk_start(nd_walk *w, const nd_grid *g, const nd_box *b, const nd_target *to, bool rows);
// nd_walk_next takes up to `most` pixels, at most ND_TERMS; false at the end.
bool nd_walk_next(nd_walk *w, int most);

// Four floats: what every 64-bit processor has.
typedef float nd_quad __attribute__((vector_size(16)));

static inline nd_quad nd_get(const float *p) {
	nd_quad v;
	memcpy(&v, p, sizeof v);
	return v;
}

static inline void nd_put(float *p, nd_quad v) { memcpy(p, &v, sizeof v); }

// to[j][i] = from[i][j] for i below rows and j below columns.
void nd_flip(float *to, int64_t to_row, const float *from, int64_t from_row, int64_t rows, int64_t columns);
// to[2*i] = even[i], to[2*i+1] = odd[i], for i below n.
void nd_zip(float *to, const float *even, const float *odd, int64_t n);

// A call: its shape, its arguments, and the processor's path.
typedef struct {
	const astronnx_convnd_shape *s;
	const astronnx_convnd_args *a;
	const nd_path *path;
	int64_t threads;
} nd_call;

int nd_sums(const nd_call *c);   // y or dx
int nd_weight(const nd_call *c); // dw

size_t nd_sums_scratch(const astronnx_convnd_shape *s, int op);

void nd_parallel(const nd_call *c, void (*fn)(void *, size_t), int64_t total, void *usr);

const astronnx_convnd_api *convnd_table(void);

static inline int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

#pragma GCC visibility pop
#endif
