//go:build cgo && !purego && (linux || darwin)

#include "customop.h"

#include <stdlib.h>
#include <string.h>

static void *copy(const void *from, size_t bytes) {
	void *to = malloc(bytes + 1);
	if (to && bytes) memcpy(to, from, bytes);
	return to;
}

void ax_table_free(ax_table *t) {
	if (!t) return;
	ax_conv->geom_free(t->geom);
	free((void *)t->entries);
	free((void *)t->scale);
	free((void *)t->fills);
	free((void *)t->halves);
	free(t);
}

ax_table *ax_table_new(int64_t p_in, int64_t p_out, const int32_t *entries, const float *scale, const int64_t *fills, int64_t n_fills,
                       int64_t pairs, const float *turns, int keep, int *status) {
	ax_table *t = calloc(1, sizeof *t);
	astronnx_conv_fill *whole = malloc((size_t)n_fills * sizeof *whole + 1);
	ax_half *half = malloc((size_t)n_fills * sizeof *half + 1);
	*status = ASTRONNX_CONV_NO_MEMORY;
	if (!t || !whole || !half) goto fail;
	t->p_in = p_in, t->p_out = p_out, t->fills = whole, t->halves = half;
	for (const int64_t *f = fills; f < fills + 4 * n_fills; f += 4)
		if (f[3] < 0)
			half[t->n_halves++] = (ax_half){f[0], f[1], f[2]};
		else
			whole[t->n_fills++] = (astronnx_conv_fill){f[0], f[1], f[2], f[3]};
	if (keep && !(t->entries = copy(entries, (size_t)p_out * ASTRONNX_CONV_TAPS * sizeof *entries))) goto fail;
	if (scale && !(t->scale = copy(scale, (size_t)p_out * sizeof *scale))) goto fail;
	astronnx_conv_table of = {p_in, p_out, entries, 4, whole, t->n_fills, 0, pairs, turns};
	if ((*status = ax_conv->geom_new(&of, &t->geom))) goto fail;
	return t;
fail:
	if (t) {
		t->fills = NULL, t->halves = NULL;
		ax_table_free(t);
	}
	free(whole);
	free(half);
	return NULL;
}

const char *ax_table_text(int status) { return ax_conv->message(status); }
