//go:build cgo && !purego

#include "convnd_internal.h"

#include <stdatomic.h>

// The filter's elements that meet in one phase of the result: all of them, or for dx of a stride every stride-th.
typedef struct {
	int64_t taps[3], each; // elements along the axes, and in all
	int64_t terms;         // of all channels of the source
	int32_t *at;   // [terms]
	float *packed; // [block][terms][channels of the block]
} phase;

// Where an element of the filter belongs.
typedef struct {
	const phase *phase;
	int64_t place; // in the phase
} element;

typedef struct {
	const nd_call *call;
	nd_grid grid;
	nd_target to;
	phase *phases;
	element *elements;
	int64_t channels, kernel, width, blocks; // of the result; elements of the filter; channels of a block
	int64_t slices, groups;                  // slices of the source's channels when packing; groups of blocks that items take
	bool dx, across;                         // across: vectors run along pixels
	atomic_int status;
} job;

enum {
	SLICE = 16,
	SMALL = 1 << 14, // a filter that one thread packs sooner than others hear of it
};

static int64_t volume(const int64_t v[3]) { return v[0] * v[1] * v[2]; }

static int64_t align(int64_t bytes) { return ceil_div(bytes, 64) * 64; }

// Layout of the call's scratch: phases, elements, offsets, packed filter.
size_t nd_sums_scratch(const astronnx_convnd_shape *s, int op) {
	const bool dx = op == ASTRONNX_CONVND_GRAD_INPUT;
	const int64_t phases = dx ? volume(s->stride) : 1, terms = (dx ? s->co : s->ci) * volume(s->kernel);
	const int64_t channels = ceil_div(dx ? s->ci : s->co, ND_MAX_WIDTH) * ND_MAX_WIDTH;
	return (size_t)(align(phases * (int64_t)sizeof(phase)) + align(volume(s->kernel) * (int64_t)sizeof(element)) + 64 * (phases + 1) + align(terms * 4) + terms * channels * 4);
}

static int64_t block_width(const job *j, int64_t b) {
	if (j->across) return ND_ROWS;
	const int64_t left = j->channels - b * j->width, lanes = j->call->path->lanes;
	return left > lanes ? j->width : lanes;
}

// Whether vectors along pixels are the faster ones, by the vectors that a term takes for all channels of a row. Those along channels
// have unused lanes, and their sums are turned at the end, which takes as long as some more terms. Those along pixels have unused
// lanes at the end of a row, wait for each other where they are few, and are slower to load.
static bool few_channels(const job *j) {
	enum { BUSY = 8, TURN = 20 }; // sums at work that hide each other's latency; terms
	const int64_t lanes = j->call->path->lanes, row = j->grid.grid[2], m = min64(ND_ROWS, j->channels);
	const double terms = (double)(j->grid.channels * j->kernel) / (double)volume(j->to.step), vectors = (double)ceil_div(row, lanes);
	const double pieces = (double)ceil_div(row, lanes * ND_VECTORS(m)), each = vectors / pieces * (double)m;
	const double along_pixels = 1.2 * (double)j->channels * vectors * (each < BUSY ? BUSY / each : 1);
	const double along_channels = (double)row * ((double)ceil_div(j->channels, lanes) + TURN * (double)j->channels / (double)lanes / terms);
	return along_pixels < along_channels;
}

static bool prepare(job *j) {
	const astronnx_convnd_shape *s = j->call->s;
	nd_grid *g = &j->grid;
	g->n = s->n, g->x = j->call->a->a;
	g->channels = j->dx ? s->co : s->ci;
	j->channels = j->dx ? s->ci : s->co;
	for (int i = 0; i < 3; i++) {
		const int64_t stride = s->stride[i], pad = s->pad[i], reach = ceil_div(s->kernel[i], stride) - 1;
		j->to.size[i] = j->dx ? s->in[i] : s->out[i];
		j->to.step[i] = j->dx ? stride : 1;
		g->grid[i] = ceil_div(j->to.size[i], j->to.step[i]);
		g->step[i] = j->dx ? 1 : stride;
		g->size[i] = j->dx ? s->out[i] : s->in[i];
		g->split[i] = j->dx ? 1 : min64(stride, s->kernel[i]);
		g->first[i] = j->dx ? pad / stride - reach : -pad;
		g->reach[i] = j->dx ? reach + (pad + stride - 1) / stride - pad / stride : reach;
	}
	j->kernel = volume(s->kernel);
	j->across = few_channels(j);
	j->width = j->across ? ND_ROWS : 2 * j->call->path->lanes;
	j->blocks = ceil_div(j->channels, j->width);
	j->slices = ceil_div(g->channels, SLICE);
	const int64_t least = j->call->threads > 1 ? 4 * j->call->threads : 1;
	if (!nd_grid_boxes(g, g->channels, least)) return false;
	j->groups = g->n_boxes >= least ? 1 : min64(j->blocks, ceil_div(least, max64(g->n_boxes, 1)));
	return true;
}

// Element k of an axis of dx: w[k] takes y[p] to x[p*stride + k - pad], so that phase e of x, elements q*stride + e, has every k of
// one remainder and reads y[q - back]. For y the only phase has all.
static int64_t phase_of(const job *j, int i, int64_t k, int64_t *place, int64_t *tap) {
	if (!j->dx) return *place = *tap = k, 0;
	const int64_t stride = j->to.step[i], pad = j->call->s->pad[i], e = ((k - pad) % stride + stride) % stride;
	*place = k / stride;
	*tap = (e + pad - k) / stride - j->grid.first[i];
	return e;
}

static void lay_phases(job *j, char *memory) {
	const astronnx_convnd_shape *s = j->call->s;
	const int64_t n = volume(j->to.step), padded = ceil_div(j->channels, j->call->path->lanes) * j->call->path->lanes;
	const int64_t *stride = j->to.step;
	j->phases = (phase *)memory;
	memory += align(n * (int64_t)sizeof(phase));
	j->elements = (element *)memory;
	memory += align(j->kernel * (int64_t)sizeof(element));
	for (int64_t i = 0; i < n; i++) {
		phase *p = &j->phases[i];
		const int64_t e[3] = {i / (stride[1] * stride[2]), i / stride[2] % stride[1], i % stride[2]};
		for (int k = 0; k < 3; k++) p->taps[k] = max64(0, ceil_div(s->kernel[k] - (j->dx ? (e[k] + s->pad[k]) % stride[k] : 0), stride[k]));
		p->each = volume(p->taps), p->terms = p->each * j->grid.channels;
		p->at = (int32_t *)memory;
		memory += p->terms * 4;
	}
	memory += -(intptr_t)memory & 63;
	for (int64_t i = 0; i < n; i++, memory += -(intptr_t)memory & 63) {
		j->phases[i].packed = (float *)memory;
		memory += j->phases[i].terms * padded * 4;
	}
	element *next = j->elements;
	int64_t k[3];
	for (k[0] = 0; k[0] < s->kernel[0]; k[0]++)
		for (k[1] = 0; k[1] < s->kernel[1]; k[1]++)
			for (k[2] = 0; k[2] < s->kernel[2]; k[2]++) {
				int64_t number = 0, place[3], tap[3];
				for (int i = 0; i < 3; i++) number = number * stride[i] + phase_of(j, i, k[i], &place[i], &tap[i]);
				const phase *p = &j->phases[number];
				*next = (element){p, (place[0] * p->taps[1] + place[1]) * p->taps[2] + place[2]};
				const int64_t at = nd_tap(&j->grid, tap);
				for (int64_t c = 0; c < j->grid.channels; c++) p->at[c * p->each + next->place] = (int32_t)(at + c * j->grid.channel);
				next++;
			}
}

// Packs one block of the result's channels for a slice of the source's.
static void pack_item(void *usr, size_t item) {
	job *j = usr;
	const int64_t b = (int64_t)item / j->slices, first = (int64_t)item % j->slices * SLICE;
	const int64_t last = min64(first + SLICE, j->grid.channels), width = block_width(j, b), all = j->grid.channels * j->kernel;
	const int64_t channels = min64(width, j->channels - b * j->width);
	const float *w = j->call->a->b;
	if (!j->dx) {
		float *to = j->phases->packed + b * j->width * all + first * j->kernel * width;
		if (channels < width) memset(to, 0, (size_t)((last - first) * j->kernel * width) * sizeof *to);
		nd_flip(to, width, w + b * j->width * all + first * j->kernel, all, channels, (last - first) * j->kernel);
		return;
	}
	float *row = conv_scratch((size_t)(j->kernel * width) * sizeof *row);
	if (row == NULL) {
		atomic_store(&j->status, ASTRONNX_CONV_NO_MEMORY);
		return;
	}
	memset(row, 0, (size_t)(j->kernel * width) * sizeof *row);
	for (int64_t c = first; c < last; c++) {
		nd_flip(row, width, w + (c * j->channels + b * j->width) * j->kernel, j->kernel, channels, j->kernel);
		for (int64_t k = 0; k < j->kernel; k++) {
			const phase *p = j->elements[k].phase;
			float *to = p->packed + b * j->width * p->terms + (c * p->each + j->elements[k].place) * width;
			for (int64_t i = 0; i < width; i += 4) nd_put(to + i, nd_get(row + k * width + i));
		}
	}
}

// Sums of a batch of pixels for one block of channels: [pixel][channel].
static void sum(const job *j, const phase *p, const nd_walk *w, int64_t b, const float *slab, float *sums) {
	const int64_t width = block_width(j, b), channels = min64(width, j->channels - b * j->width);
	const float *bias = j->call->a->bias;
	if (bias == NULL || j->dx)
		memset(sums, 0, (size_t)(w->pixels * width) * sizeof *sums);
	else
		for (int i = 0; i < w->pixels; i++)
			for (int64_t c = 0; c < width; c++) sums[i * width + c] = c < channels ? bias[b * j->width + c] : 0;
	for (int64_t t = 0; t < p->terms; t += ND_TERMS)
		j->call->path->outer(w->pixels, slab, w->pixel, min64(ND_TERMS, p->terms - t), p->at + t,
		                     p->packed + b * j->width * p->terms + t * width, (int)width, sums);
}

// Sums of a batch along its pixels, to where the result has them, or, if phases
// are to be merged, to rows of ND_PIXELS.
static void sum_across(const job *j, const phase *p, const nd_walk *w, int64_t b, const float *slab, float *merged) {
	const int64_t first = b * ND_ROWS, plane = volume(j->to.size);
	const int channels = (int)min64(ND_ROWS, j->channels - first);
	float bias[ND_ROWS] = {0};
	for (int c = 0; c < channels && j->call->a->bias != NULL && !j->dx; c++) bias[c] = j->call->a->bias[first + c];
	for (const nd_run *r = w->run; r < w->run + w->runs; r++)
		j->call->path->across(channels, r->count, slab + w->pixel[r->first], p->terms, p->at, p->packed + first * p->terms, bias,
		                      merged ? merged + r->first : j->call->a->result + (r->image * j->channels + first) * plane + r->plane,
		                      merged ? ND_PIXELS : plane);
}

// Writes one run of one channel: element i of phase e goes to position + i, times the stride, plus e.
static void scatter(const job *j, const nd_run *r, float *to, const float *from, int64_t phase_floats) {
	const int64_t stride = j->to.step[2], left = j->to.size[2] - r->position * stride;
	to += r->position * stride;
	if (stride == 2) {
		const int64_t pairs = min64(r->count, left / 2);
		nd_zip(to, from, from + phase_floats, pairs);
		if (pairs < r->count) to[2 * pairs] = from[pairs];
		return;
	}
	for (int64_t e = 0; e < stride; e++, from += phase_floats)
		for (int64_t i = 0; i < min64(r->count, ceil_div(left - e, stride)); i++) to[i * stride + e] = from[i];
}

// One block of channels of one batch, all phases of axis 2.
static void block(const job *j, const phase *p, const nd_walk *w, int64_t b, const float *slab, float *sums) {
	const int64_t first = b * j->width, width = block_width(j, b), channels = min64(width, j->channels - first);
	const int64_t plane = volume(j->to.size);
	float *result = j->call->a->result, *flipped = sums + ND_PIXELS * j->width;
	const int64_t phase_floats = ND_PIXELS * j->width;
	for (int64_t r = 0; r < j->to.step[2]; r++) {
		if (j->across) {
			sum_across(j, p + r, w, b, slab, j->to.step[2] > 1 ? flipped + r * phase_floats : NULL);
			continue;
		}
		sum(j, p + r, w, b, slab, sums);
		if (j->to.step[2] > 1) {
			nd_flip(flipped + r * phase_floats, ND_PIXELS, sums, width, w->pixels, channels);
			continue;
		}
		for (const nd_run *n = w->run; n < w->run + w->runs; n++)
			nd_flip(result + (n->image * j->channels + first) * plane + n->plane, plane, sums + n->first * width, width, n->count, channels);
	}
	if (j->to.step[2] == 1) return;
	for (const nd_run *n = w->run; n < w->run + w->runs; n++)
		for (int64_t c = 0; c < channels; c++)
			scatter(j, n, result + (n->image * j->channels + first + c) * plane + n->plane, flipped + c * ND_PIXELS + n->first, phase_floats);
}

static void item(void *usr, size_t i) {
	job *j = usr;
	const nd_grid *g = &j->grid;
	const int64_t group = (int64_t)i % j->groups, blocks = ceil_div(j->blocks, j->groups);
	const int64_t b0 = group * blocks, b1 = min64(b0 + blocks, j->blocks);
	float *slab = conv_scratch((size_t)(g->floats + ND_PIXELS * j->width * (1 + j->to.step[2])) * sizeof *slab);
	if (slab == NULL) {
		atomic_store(&j->status, ASTRONNX_CONV_NO_MEMORY);
		return;
	}
	const nd_box box = nd_box_at(g, (int64_t)i / j->groups);
	nd_slab_fill(g, &box, 0, g->channels, slab);
	nd_target to = j->to;
	nd_walk w;
	for (int64_t r0 = 0; r0 < j->to.step[0]; r0++)
		for (int64_t r1 = 0; r1 < j->to.step[1]; r1++) {
			to.shift[0] = r0;
			to.shift[1] = r1;
			nd_walk_start(&w, g, &box, &to, j->across);
			while (nd_walk_next(&w, j->across && j->to.step[2] == 1 ? ND_TERMS : ND_PIXELS))
				for (int64_t b = b0; b < b1; b++)
					block(j, j->phases + (r0 * j->to.step[1] + r1) * j->to.step[2], &w, b, slab, slab + g->floats);
		}
}

int nd_sums(const nd_call *c) {
	job j = {.call = c, .dx = c->a->op == ASTRONNX_CONVND_GRAD_INPUT};
	if (!prepare(&j)) return ASTRONNX_CONV_BAD_SIZE;
	atomic_init(&j.status, ASTRONNX_CONV_OK);
	lay_phases(&j, c->a->scratch);
	if (j.channels * j.grid.channels * j.kernel < SMALL)
		for (int64_t i = 0; i < j.blocks * j.slices; i++) pack_item(&j, (size_t)i);
	else
		nd_parallel(c, pack_item, j.blocks * j.slices, &j);
	if (atomic_load(&j.status) == ASTRONNX_CONV_OK) nd_parallel(c, item, j.grid.n_boxes * j.groups, &j);
	return atomic_load(&j.status);
}
