// The sums over l and over colatitudes, a template for each_path.h.
#define LANES ((int)(BYTES / sizeof(double)))
#define TEMPLATE static inline __attribute__((always_inline)) TARGET

typedef double NAME(vec) __attribute__((vector_size(BYTES)));
typedef int64_t NAME(mask) __attribute__((vector_size(BYTES)));

TEMPLATE NAME(vec) NAME(get)(const double *p) {
	NAME(vec) v;
	memcpy(&v, p, sizeof v);
	return v;
}

TEMPLATE void NAME(put)(double *p, NAME(vec) v) { memcpy(p, &v, sizeof v); }

// Two vectors of colatitudes on their way through the recursion: a holds the function of an l at an even distance from the
// first, b of the next.
typedef struct {
	NAME(vec) x[2], a[2], b[2], k[2];
} NAME(state);

TEMPLATE void NAME(next)(const int spin, const legendre *g, int64_t l, NAME(state) *s) {
#pragma GCC unroll 2
	for (int v = 0; v < 2; v++) {
		NAME(vec) e = g->c[l + 1] * s->x[v], o = g->c[l + 2] * s->x[v];
		if (spin) e += g->d[l + 1], o += g->d[l + 2];
		s->a[v] = e * s->b[v] - s->a[v];
		s->b[v] = o * s->a[v] - s->b[v];
	}
}

// Adds the terms of l and l + 1: to sums[2][4] or to terms[count][spin ? 4 : 2], where sums are the values to be analysed. Or
// writes the functions themselves to terms[count][n].
TEMPLATE void NAME(add)(const int spin, const int what, const legendre *g, int64_t l, const NAME(vec) *a, const NAME(vec) *b,
                        const double *w, NAME(vec) (*sums)[4], double *terms) {
	const int cols = spin ? 4 : 2;
	if (what == TABLE) {
		terms += l * g->n;
		for (int v = 0; v < 2; v++) {
			NAME(put)(terms + v * LANES, a[v]);
			NAME(put)(terms + g->n + v * LANES, b[v]);
		}
		return;
	}
	if (what == SYNTH) {
		w += l * cols;
#pragma GCC unroll 2
		for (int v = 0; v < 2; v++)
#pragma GCC unroll 4
			for (int j = 0; j < 4; j++) {
				if (spin) {
					sums[v][j] += a[v] * w[j];
					sums[v][j] += b[v] * w[4 + j];
				} else
					sums[v][j] += (j < 2 ? a[v] : b[v]) * w[j];
			}
		return;
	}
	terms += l * cols * LANES;
#pragma GCC unroll 8
	for (int j = 0; j < 2 * cols; j++) {
		NAME(vec) t = NAME(get)(terms + j * LANES);
#pragma GCC unroll 2
		for (int v = 0; v < 2; v++) t += (j < cols ? a[v] : b[v]) * sums[v][spin ? j % 4 : j];
		NAME(put)(terms + j * LANES, t);
	}
}

TEMPLATE void NAME(block)(const int spin, const int what, const legendre *g, int64_t first, const double *w,
                          NAME(vec) (*sums)[4], double *terms) {
	NAME(state) s;
#pragma GCC unroll 2
	for (int v = 0; v < 2; v++) {
		s.x[v] = NAME(get)(g->x + first + v * LANES);
		s.a[v] = NAME(get)(g->start + first + v * LANES);
		s.k[v] = NAME(get)(g->scale + first + v * LANES);
		s.b[v] = (g->c[0] * s.x[v] + (spin ? g->d[0] : 0)) * s.a[v];
	}
	int64_t l = 0;
	for (; l < g->count; l += 8) {
		NAME(mask) live[2];
		int64_t lanes = 0;
		for (int v = 0; v < 2; v++) {
			NAME(mask) grown = (s.a[v] > LARGE) | (s.a[v] < -LARGE) | (s.b[v] > LARGE) | (s.b[v] < -LARGE);
			NAME(mask) one = (NAME(mask))((NAME(vec)){0} + 1), small = (NAME(mask))((NAME(vec)){0} + 1 / BASE);
			NAME(vec) factor = (NAME(vec))((small & grown) | (one & ~grown));
			s.a[v] *= factor;
			s.b[v] *= factor;
			s.k[v] += (NAME(vec))(one & grown);
			live[v] = s.k[v] >= 0;
			for (int i = 0; i < LANES; i++) lanes -= live[v][i];
		}
		if (lanes == 2 * LANES) break;
		for (int64_t i = l; i < l + 8; i += 2) {
			if (lanes > 0 || what == TABLE) {
				NAME(vec) a[2], b[2];
				for (int v = 0; v < 2; v++) {
					a[v] = (NAME(vec))((NAME(mask))s.a[v] & live[v]);
					b[v] = (NAME(vec))((NAME(mask))s.b[v] & live[v]);
				}
				NAME(add)(spin, what, g, i, a, b, w, sums, terms);
			}
			NAME(next)(spin, g, i, &s);
		}
	}
	for (; l < g->count; l += 2) {
		NAME(add)(spin, what, g, l, s.a, s.b, w, sums, terms);
		NAME(next)(spin, g, l, &s);
	}
}

TEMPLATE void NAME(synth_as)(const int spin, const legendre *g, int64_t maps, const double *a, double *out) {
	for (int64_t i = 0; i < maps; i++, a += g->count * (spin ? 4 : 2), out += 4 * g->n)
		for (int64_t first = 0; first < g->n; first += 2 * LANES) {
			NAME(vec) sums[2][4] = {0};
			NAME(block)(spin, SYNTH, g, first, a, sums, NULL);
			for (int v = 0; v < 2; v++)
				for (int j = 0; j < 4; j++) NAME(put)(out + j * g->n + first + v * LANES, sums[v][j]);
		}
}

TEMPLATE void NAME(analyse_as)(const int spin, const legendre *g, int64_t maps, const double *in, double *out, double *scratch) {
	const int64_t terms = g->count * (spin ? 4 : 2);
	for (int64_t i = 0; i < maps; i++, in += 4 * g->n, out += terms) {
		memset(scratch, 0, terms * BYTES);
		for (int64_t first = 0; first < g->n; first += 2 * LANES) {
			NAME(vec) values[2][4];
			for (int v = 0; v < 2; v++)
				for (int j = 0; j < 4; j++) values[v][j] = NAME(get)(in + j * g->n + first + v * LANES);
			NAME(block)(spin, ANALYSE, g, first, NULL, values, scratch);
		}
		for (int64_t j = 0; j < terms; j++) {
			double sum = 0;
			for (int v = 0; v < LANES; v++) sum += scratch[j * LANES + v];
			out[j] = sum;
		}
	}
}

TARGET static void NAME(synth)(const legendre *g, int spin, int64_t maps, const double *a, double *out) {
	if (spin)
		NAME(synth_as)(1, g, maps, a, out);
	else
		NAME(synth_as)(0, g, maps, a, out);
}

TARGET static void NAME(analyse)(const legendre *g, int spin, int64_t maps, const double *in, double *out, double *scratch) {
	if (spin)
		NAME(analyse_as)(1, g, maps, in, out, scratch);
	else
		NAME(analyse_as)(0, g, maps, in, out, scratch);
}

#include "legendre_bundle.h"

static const legendre_path NAME(legendre) = {NAME(synth), NAME(analyse), NAME(synth_bundle), NAME(analyse_bundle)};

#undef LANES
#undef TEMPLATE
#undef BYTES
#undef TARGET
#undef NAME
