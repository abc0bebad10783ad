//go:build cgo && !purego

#include "convnd_internal.h"

#include <stdatomic.h>

typedef struct {
	const nd_call *call;
	nd_grid grid;
	int64_t kernel, width, blocks;
	int64_t slice, slices;  // input channels that boxes are cut for
	int64_t groups, parts;  // groups of blocks, and parts of a slice's rows, that items take
	atomic_int status;
} job;

// Rows of a slice: enough to pay for turning dy for them, few enough to keep their sums in cache.
enum { SLICE_ROWS = 144 };

static int64_t block_width(const job *j, int64_t b) {
	const int64_t left = j->call->s->co - b * j->width, lanes = j->call->path->lanes;
	return left > lanes ? j->width : lanes;
}

// The boxes, and with them the order of a sum, follow from the shape alone.
static bool prepare(job *j) {
	const astronnx_convnd_shape *s = j->call->s;
	nd_grid *g = &j->grid;
	g->n = s->n, g->x = j->call->a->a, g->channels = s->ci;
	j->kernel = 1;
	for (int i = 0; i < 3; i++) {
		g->size[i] = s->in[i], g->step[i] = s->stride[i], g->split[i] = min64(s->stride[i], s->kernel[i]), g->first[i] = -s->pad[i];
		g->reach[i] = ceil_div(s->kernel[i], s->stride[i]) - 1, g->grid[i] = s->out[i];
		j->kernel *= s->kernel[i];
	}
	j->slice = ceil_div(s->ci, max64(1, min64(s->ci, s->ci * j->kernel / SLICE_ROWS)));
	j->slices = ceil_div(s->ci, j->slice);
	j->width = 2 * j->call->path->lanes;
	j->blocks = ceil_div(s->co, j->width);
	const int64_t threads = j->call->threads;
	j->groups = j->parts = 1;
	if (j->slices % threads == 0 || j->slices >= 4 * threads) return nd_grid_boxes(g, j->slice, 1);
	if (j->blocks % threads == 0)
		j->groups = threads;
	else
		j->parts = min64(threads, j->slice * j->kernel);
	return nd_grid_boxes(g, j->slice, 1);
}

// Turns dy at a batch of pixels: [pixel][channel].
static void turn(const job *j, const nd_walk *w, int64_t b, float *to) {
	const astronnx_convnd_shape *s = j->call->s;
	const int64_t plane = s->out[0] * s->out[1] * s->out[2], width = block_width(j, b);
	const int64_t channels = min64(width, s->co - b * j->width);
	if (channels < width) memset(to, 0, (size_t)(w->pixels * width) * sizeof *to);
	for (const nd_run *r = w->run; r < w->run + w->runs; r++)
		nd_flip(to + r->first * width, width, j->call->a->b + (r->image * s->co + b * j->width) * plane + r->plane, plane, channels, r->count);
}

static void item(void *usr, size_t i) {
	job *j = usr;
	const astronnx_convnd_shape *s = j->call->s;
	const nd_grid *g = &j->grid;
	const int64_t blocks = ceil_div(j->blocks, j->groups), b0 = (int64_t)i % j->groups * blocks, b1 = min64(b0 + blocks, j->blocks);
	const int64_t c0 = (int64_t)i / j->groups / j->parts * j->slice, all = min64(j->slice, s->ci - c0) * j->kernel;
	const int64_t part = (int64_t)i / j->groups % j->parts, share = ceil_div(all, j->parts), r0 = part * share, rows = min64(share, all - r0);
	if (b0 >= b1 || rows <= 0) return;
	const int64_t first = r0 / j->kernel, channels = (r0 + rows - 1) / j->kernel - first + 1;
	const int64_t sum_floats = (b1 - b0) * j->width * rows, turned_floats = ND_TERMS * j->width;
	float *slab = conv_scratch((size_t)(g->floats + turned_floats + sum_floats + rows) * sizeof *slab);
	if (slab == NULL) {
		atomic_store(&j->status, ASTRONNX_CONV_NO_MEMORY);
		return;
	}
	float *turned = slab + g->floats, *sums = turned + turned_floats;
	int32_t *row = (int32_t *)(sums + sum_floats), *next = row;
	memset(sums, 0, (size_t)sum_floats * sizeof *sums);
	for (int64_t r = r0; r < r0 + rows; r++) {
		const int64_t k = r % j->kernel, at[3] = {k / s->kernel[2] / s->kernel[1], k / s->kernel[2] % s->kernel[1], k % s->kernel[2]};
		*next++ = (int32_t)(nd_tap(g, at) + (r / j->kernel - first) * g->channel);
	}
	const nd_target to = {.step = {1, 1, 1}, .size = {s->out[0], s->out[1], s->out[2]}};
	nd_walk w;
	for (int64_t n = 0; n < g->n_boxes; n++) {
		const nd_box box = nd_box_at(g, n);
		nd_slab_fill(g, &box, c0 + first, channels, slab);
		nd_walk_start(&w, g, &box, &to, false);
		while (nd_walk_next(&w, ND_TERMS))
			for (int64_t b = b0; b < b1; b++) {
				turn(j, &w, b, turned);
				j->call->path->outer(rows, slab, row, w.pixels, w.pixel, turned, (int)block_width(j, b), sums + (b - b0) * j->width * rows);
			}
	}
	for (int64_t b = b0; b < b1; b++) {
		const int64_t width = block_width(j, b), o = b * j->width, filter = s->ci * j->kernel;
		nd_flip(j->call->a->result + o * filter + c0 * j->kernel + r0, filter, sums + (b - b0) * j->width * rows, width, rows,
		        min64(width, s->co - o));
	}
}

int nd_weight(const nd_call *c) {
	job j = {.call = c};
	if (!prepare(&j)) return ASTRONNX_CONV_BAD_SIZE;
	atomic_init(&j.status, ASTRONNX_CONV_OK);
	nd_parallel(c, item, j.slices * j.groups * j.parts, &j);
	return atomic_load(&j.status);
}
