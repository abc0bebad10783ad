//go:build cgo && !purego

#include "convnd_internal.h"

// Sizes the slab of a box of g->images and g->box; false on overflow.
static bool measure(nd_grid *g, int64_t channels) {
	int64_t floats = g->images;
	for (int i = 0; i < 3; i++) {
		g->row[i] = g->box[i] + g->reach[i];
		if (__builtin_mul_overflow(floats, g->row[i], &floats)) return false;
	}
	// Channels an odd number of lines apart do not fall on the same sets of the first-level cache.
	if (floats > INT32_MAX) return false;
	g->channel = ceil_div(floats + 3, 16) * 16;
	if (g->channel / 16 % 2 == 0) g->channel += 16;
	if (__builtin_mul_overflow(g->channel, channels, &g->phase)) return false;
	g->floats = g->phase;
	for (int i = 0; i < 3; i++)
		if (__builtin_mul_overflow(g->floats, g->split[i], &g->floats)) return false;
	return true;
}

static int64_t count(nd_grid *g) {
	g->boxes[0] = ceil_div(g->n, g->images);
	for (int i = 0; i < 2; i++) g->boxes[i + 1] = ceil_div(g->grid[i], g->box[i]);
	return g->n_boxes = g->boxes[0] * g->boxes[1] * g->boxes[2];
}

bool nd_grid_boxes(nd_grid *g, int64_t channels, int64_t least) {
	enum { THIN = 4 }; // what is thinner copies more of its neighbours than of itself
	g->images = 1;
	for (int i = 0; i < 3; i++) g->box[i] = g->grid[i];
	bool fits = measure(g, channels);
	while (!fits || g->floats > ND_SLAB_FLOATS) {
		int64_t *longest = g->box[0] >= g->box[1] ? &g->box[0] : &g->box[1];
		if (*longest == 1 || (fits && *longest <= THIN && g->floats <= 4 * ND_SLAB_FLOATS)) break;
		*longest = ceil_div(*longest, 2);
		fits = measure(g, channels);
	}
	if (!fits || g->floats > INT32_MAX) return false;
	g->images = max64(1, min64(g->n, ND_SLAB_FLOATS / g->floats));
	const int64_t pixels = g->box[0] * g->box[1] * g->box[2];
	while (count(g) < least && g->images > 1 && g->images * pixels >= 2 * ND_PIXELS) g->images = ceil_div(g->images, 2);
	while (count(g) < least && g->images == 1 && g->box[0] * g->box[1] * g->box[2] >= 8 * ND_PIXELS) {
		int64_t *longest = g->box[0] >= g->box[1] ? &g->box[0] : &g->box[1];
		if (*longest == 1) break;
		*longest = ceil_div(*longest, 2);
	}
	count(g);
	return measure(g, channels) && g->floats <= INT32_MAX;
}

nd_box nd_box_at(const nd_grid *g, int64_t i) {
	const int64_t at[3] = {i / (g->boxes[1] * g->boxes[2]), i / g->boxes[2] % g->boxes[1], i % g->boxes[2]};
	nd_box b = {.image = at[0] * g->images, .size = {0, 0, g->grid[2]}};
	b.images = min64(g->images, g->n - b.image);
	for (int k = 0; k < 2; k++) {
		b.start[k] = at[k + 1] * g->box[k];
		b.size[k] = min64(g->box[k], g->grid[k] - b.start[k]);
	}
	return b;
}

int64_t nd_tap(const nd_grid *g, const int64_t k[3]) {
	int64_t phase = 0, at = 0;
	for (int i = 0; i < 3; i++) {
		phase = phase * g->split[i] + k[i] % g->step[i];
		at = at * g->row[i] + k[i] / g->step[i];
	}
	return phase * g->phase + at;
}

void nd_walk_start(nd_walk *w, const nd_grid *g, const nd_box *b, const nd_target *to, bool rows) {
	w->grid = g, w->box = b, w->to = to, w->image = 0, w->rows = rows;
	for (int i = 0; i < 3; i++) {
		const int64_t positions = ceil_div(to->size[i] - to->shift[i], to->step[i]);
		w->end[i] = min64(positions - b->start[i], b->size[i]);
		w->at[i] = 0;
		if (w->end[i] <= 0) w->image = b->images;
	}
}

static void advance(nd_walk *w) {
	w->at[2] = 0;
	for (int i = 1; i >= 0; i--) {
		if (++w->at[i] < w->end[i]) return;
		w->at[i] = 0;
	}
	w->image++;
}

bool nd_walk_next(nd_walk *w, int most) {
	const nd_grid *g = w->grid;
	const nd_target *to = w->to;
	w->pixels = w->runs = 0;
	while (w->image < w->box->images && w->pixels < most) {
		const int count = (int)min64(w->end[2] - w->at[2], most - w->pixels);
		const int64_t offset = ((w->image * g->row[0] + w->at[0]) * g->row[1] + w->at[1]) * g->row[2] + w->at[2];
		for (int i = 0; i < count; i++) w->pixel[w->pixels + i] = (int32_t)(offset + i);
		int64_t at[2];
		for (int i = 0; i < 2; i++) at[i] = (w->box->start[i] + w->at[i]) * to->step[i] + to->shift[i];
		nd_run r = {w->box->image + w->image, (at[0] * to->size[1] + at[1]) * to->size[2], w->box->start[2] + w->at[2], w->pixels, count};
		if (to->step[2] == 1) r.plane += r.position;
		nd_run *before = w->runs > 0 ? &w->run[w->runs - 1] : NULL;
		const bool next = before != NULL && to->step[2] == 1 && before->image == r.image && before->plane + before->count == r.plane;
		if (next && (!w->rows || w->pixel[before->first] + before->count == offset))
			before->count += count;
		else
			w->run[w->runs++] = r;
		w->pixels += count;
		w->at[2] += count;
		if (w->at[2] == w->end[2]) advance(w);
	}
	return w->pixels > 0;
}
