//go:build cgo && !purego

#include "convnd_internal.h"

#include <stdatomic.h>
#include <string.h>

// The filter's elements that meet in one phase of the result: all of them, or for dx of a stride every stride-th.
typedef struct {
	int64_t terms; // channels times elements
	int64_t taps[3];
	int32_t *at;   // [terms]
	float *packed; // [block][terms][channels of the block]
} phase;

typedef struct {
	const nd_call *call;
	nd_grid grid;
	nd_target to;
	int64_t step[3]; // phases of the result
	phase *phases;
	int64_t channels, kernel, width, blocks; // of the result; elements of the filter; channels of a block
	int64_t slices, groups;                  // slices of the source's channels when packing; groups of blocks that items take
	bool dx;
	atomic_int status;
} job;

enum { SLICE = 16 };

static int64_t volume(const int64_t v[3]) { return v[0] * v[1] * v[2]; }

static int64_t align(int64_t bytes) { return ceil_div(bytes, 64) * 64; }

// Layout of the call's scratch: phases, offsets, packed filter.
size_t nd_sums_scratch(const astronnx_convnd_shape *s, int op) {
	const bool dx = op == ASTRONNX_CONVND_GRAD_INPUT;
	const int64_t phases = dx ? volume(s->stride) : 1, terms = (dx ? s->co : s->ci) * volume(s->kernel);
	const int64_t channels = ceil_div(dx ? s->ci : s->co, ND_MAX_WIDTH) * ND_MAX_WIDTH;
	return (size_t)(align(phases * (int64_t)sizeof(phase)) + 64 * (phases + 1) + align(terms * 4) + terms * channels * 4);
}

static int64_t block_width(const job *j, int64_t b) {
	const int64_t left = j->channels - b * j->width, lanes = j->call->path->lanes;
	return left > lanes ? j->width : lanes;
}

static bool prepare(job *j) {
	const astronnx_convnd_shape *s = j->call->s;
	nd_grid *g = &j->grid;
	g->n = s->n, g->x = j->call->a->a;
	g->channels = j->dx ? s->co : s->ci;
	j->channels = j->dx ? s->ci : s->co;
	for (int i = 0; i < 3; i++) {
		const int64_t stride = s->stride[i], pad = s->pad[i], reach = ceil_div(s->kernel[i], stride) - 1;
		g->reach[i] = reach;
		j->to.size[i] = j->dx ? s->in[i] : s->out[i];
		if (j->dx) { // positions of dx, padded, over the stride
			g->size[i] = s->out[i], g->step[i] = g->split[i] = 1, g->first[i] = -reach;
			g->start[i] = pad / stride, g->grid[i] = (pad + s->in[i] - 1) / stride - g->start[i] + 1;
			j->step[i] = j->to.step[i] = stride, j->to.shift[i] = -pad;
		} else {
			g->size[i] = s->in[i], g->step[i] = stride, g->split[i] = min64(stride, s->kernel[i]), g->first[i] = -pad;
			g->start[i] = 0, g->grid[i] = s->out[i];
			j->step[i] = j->to.step[i] = 1, j->to.shift[i] = 0;
		}
	}
	j->kernel = volume(s->kernel);
	j->width = 2 * j->call->path->lanes;
	j->blocks = ceil_div(j->channels, j->width);
	j->slices = ceil_div(g->channels, SLICE);
	const int64_t least = j->call->threads > 1 ? 4 * j->call->threads : 1;
	if (!nd_grid_boxes(g, g->channels, least)) return false;
	j->groups = g->n_boxes >= least ? 1 : min64(j->blocks, ceil_div(least, max64(g->n_boxes, 1)));
	return true;
}

// The phase of an element of the filter, and the element's place in it.
static phase *phase_of(const job *j, const int64_t k[3], int64_t *place) {
	int64_t number = 0;
	for (int i = 0; i < 3; i++) number = number * j->step[i] + k[i] % j->step[i];
	phase *p = &j->phases[number];
	*place = 0;
	for (int i = 0; i < 3; i++) *place = *place * p->taps[i] + k[i] / j->step[i];
	return p;
}

static void lay_phases(job *j, char *memory) {
	const astronnx_convnd_shape *s = j->call->s;
	const int64_t n = volume(j->step), padded = ceil_div(j->channels, j->call->path->lanes) * j->call->path->lanes;
	j->phases = (phase *)memory;
	memory += align(n * (int64_t)sizeof(phase));
	for (int64_t i = 0; i < n; i++) {
		phase *p = &j->phases[i];
		const int64_t r[3] = {i / (j->step[1] * j->step[2]), i / j->step[2] % j->step[1], i % j->step[2]};
		p->terms = j->grid.channels;
		for (int k = 0; k < 3; k++) p->terms *= p->taps[k] = max64(0, ceil_div(s->kernel[k] - r[k], j->step[k]));
		p->at = (int32_t *)memory;
		memory += p->terms * 4;
	}
	memory += -(intptr_t)memory & 63;
	for (int64_t i = 0; i < n; i++, memory += -(intptr_t)memory & 63) {
		j->phases[i].packed = (float *)memory;
		memory += j->phases[i].terms * padded * 4;
	}
	int64_t k[3], place;
	for (k[0] = 0; k[0] < s->kernel[0]; k[0]++)
		for (k[1] = 0; k[1] < s->kernel[1]; k[1]++)
			for (k[2] = 0; k[2] < s->kernel[2]; k[2]++) {
				const phase *p = phase_of(j, k, &place);
				int64_t tap[3]; // dx reads dy backwards
				for (int i = 0; i < 3; i++) tap[i] = j->dx ? j->grid.reach[i] - k[i] / j->step[i] : k[i];
				const int64_t at = nd_tap(&j->grid, tap), terms = volume(p->taps);
				for (int64_t c = 0; c < j->grid.channels; c++) p->at[c * terms + place] = (int32_t)(at + c * j->grid.channel);
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
	const int64_t *size = j->call->s->kernel;
	for (int64_t c = first; c < last; c++) {
		nd_flip(row, width, w + (c * j->channels + b * j->width) * j->kernel, j->kernel, channels, j->kernel);
		const float *from = row;
		int64_t k[3], place;
		for (k[0] = 0; k[0] < size[0]; k[0]++)
			for (k[1] = 0; k[1] < size[1]; k[1]++)
				for (k[2] = 0; k[2] < size[2]; k[2]++, from += width) {
					const phase *p = phase_of(j, k, &place);
					float *to = p->packed + b * j->width * p->terms + (c * volume(p->taps) + place) * width;
					memcpy(to, from, (size_t)width * sizeof *to);
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

// Writes one run of one channel: element i of phase r goes to position + i, times the stride, plus r.
static void scatter(const job *j, const nd_run *r, float *to, const float *from, int64_t phase_floats) {
	const int64_t stride = j->to.step[2], size = j->to.size[2], first = r->position * stride + j->to.shift[2];
	if (stride == 2) {
		const int64_t low = first < 0, high = max64(low, min64(r->count, (size - first) / 2));
		const float *odd = from + phase_floats;
		if (low == 1 && first == -1) to[0] = odd[0];
		nd_zip(to + first + 2 * low, from + low, odd + low, high - low);
		if (high < r->count && first + 2 * high >= 0 && first + 2 * high < size) to[first + 2 * high] = from[high];
		return;
	}
	for (int64_t p = 0; p < stride; p++, from += phase_floats)
		for (int64_t i = 0; i < r->count; i++) {
			const int64_t at = first + i * stride + p;
			if (at >= 0 && at < size) to[at] = from[i];
		}
}

// One block of channels of one batch, all phases of axis 2.
static void block(const job *j, const phase *p, const nd_walk *w, int64_t b, const float *slab, float *sums) {
	const int64_t first = b * j->width, width = block_width(j, b), channels = min64(width, j->channels - first);
	const int64_t plane = volume(j->to.size);
	float *result = j->call->a->result, *flipped = sums + ND_PIXELS * j->width;
	const int64_t phase_floats = ND_PIXELS * j->width;
	for (int64_t r = 0; r < j->step[2]; r++) {
		sum(j, p + r, w, b, slab, sums);
		if (j->step[2] > 1) {
			nd_flip(flipped + r * phase_floats, ND_PIXELS, sums, width, w->pixels, channels);
			continue;
		}
		for (const nd_run *n = w->run; n < w->run + w->runs; n++)
			nd_flip(result + (n->image * j->channels + first) * plane + n->plane, plane, sums + n->first * width, width, n->count, channels);
	}
	if (j->step[2] == 1) return;
	for (const nd_run *n = w->run; n < w->run + w->runs; n++)
		for (int64_t c = 0; c < channels; c++)
			scatter(j, n, result + (n->image * j->channels + first + c) * plane + n->plane, flipped + c * ND_PIXELS + n->first, phase_floats);
}

static void item(void *usr, size_t i) {
	job *j = usr;
	const nd_grid *g = &j->grid;
	const int64_t group = (int64_t)i % j->groups, blocks = ceil_div(j->blocks, j->groups);
	const int64_t b0 = group * blocks, b1 = min64(b0 + blocks, j->blocks);
	float *slab = conv_scratch((size_t)(g->floats + ND_PIXELS * j->width * (1 + j->step[2])) * sizeof *slab);
	if (slab == NULL) {
		atomic_store(&j->status, ASTRONNX_CONV_NO_MEMORY);
		return;
	}
	const nd_box box = nd_box_at(g, (int64_t)i / j->groups);
	nd_slab_fill(g, &box, 0, g->channels, slab);
	nd_target to = j->to;
	nd_walk w;
	for (int64_t r0 = 0; r0 < j->step[0]; r0++)
		for (int64_t r1 = 0; r1 < j->step[1]; r1++) {
			to.shift[0] = j->to.shift[0] + r0;
			to.shift[1] = j->to.shift[1] + r1;
			nd_walk_start(&w, g, &box, &to);
			while (nd_walk_next(&w, ND_PIXELS))
				for (int64_t b = b0; b < b1; b++)
					block(j, j->phases + (r0 * j->step[1] + r1) * j->step[2], &w, b, slab, slab + g->floats);
		}
}

int nd_sums(const nd_call *c) {
	job j = {.call = c, .dx = c->a->op == ASTRONNX_CONVND_GRAD_INPUT};
	if (!prepare(&j)) return ASTRONNX_CONV_BAD_SIZE;
	atomic_init(&j.status, ASTRONNX_CONV_OK);
	lay_phases(&j, c->a->scratch);
	nd_parallel(c, pack_item, j.blocks * j.slices, &j);
	if (atomic_load(&j.status) == ASTRONNX_CONV_OK) nd_parallel(c, item, j.grid.n_boxes * j.groups, &j);
	return atomic_load(&j.status);
}
