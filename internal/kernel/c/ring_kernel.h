// Fourier sums of rings, a template for each_path.h. A lane of the vectors is a pair of rings: the real part of a complex transform is
// the northern ring, the imaginary part the southern.
#define LANES ((int)(BYTES / sizeof(double)))
#define TEMPLATE static inline __attribute__((always_inline)) TARGET

typedef double NAME(vec) __attribute__((vector_size(BYTES), aligned(8))); // as Go aligns

typedef struct {
	NAME(vec) re, im;
} NAME(cvec);

TEMPLATE NAME(cvec) NAME(by)(NAME(cvec) a, double re, double im) {
	return (NAME(cvec)){a.re * re - a.im * im, a.re * im + a.im * re};
}

// One stage of a transform by exp(+2πi jk/n) with n elements left, s apart (Stockham's, in order).
TEMPLATE void NAME(stage)(const int64_t r, int64_t n, int64_t s, const NAME(cvec) *x, NAME(cvec) *y, const double *twiddle,
                          const double *root) {
	const int64_t m = n / r;
	for (int64_t p = 0; p < m; p++, twiddle += 2 * r)
		for (int64_t q = 0; q < s; q++) {
			const NAME(cvec) *a = x + q + s * p;
			NAME(cvec) *to = y + q + s * r * p;
			if (r == 4) {
				NAME(cvec) a0 = a[0], a1 = a[s * m], a2 = a[2 * s * m], a3 = a[3 * s * m];
				NAME(cvec) e = {a0.re + a2.re, a0.im + a2.im}, f = {a0.re - a2.re, a0.im - a2.im};
				NAME(cvec) g = {a1.re + a3.re, a1.im + a3.im}, h = {a3.im - a1.im, a1.re - a3.re}; // i (a1 - a3)
				to[0] = (NAME(cvec)){e.re + g.re, e.im + g.im};
				to[s] = NAME(by)((NAME(cvec)){f.re + h.re, f.im + h.im}, twiddle[2], twiddle[3]);
				to[2 * s] = NAME(by)((NAME(cvec)){e.re - g.re, e.im - g.im}, twiddle[4], twiddle[5]);
				to[3 * s] = NAME(by)((NAME(cvec)){f.re - h.re, f.im - h.im}, twiddle[6], twiddle[7]);
				continue;
			}
#pragma GCC unroll 8
			for (int64_t k = 0; k < r; k++) {
				NAME(cvec) sum = a[0];
#pragma GCC unroll 8
				for (int64_t j = 1; j < r; j++) {
					NAME(cvec) t = NAME(by)(a[j * s * m], root[2 * (k * r + j)], root[2 * (k * r + j) + 1]);
					sum.re += t.re;
					sum.im += t.im;
				}
				to[k * s] = NAME(by)(sum, twiddle[2 * k], twiddle[2 * k + 1]);
			}
		}
}

// Transforms z, with y to help; returns the one of them that holds the result.
TEMPLATE NAME(cvec) *NAME(transform)(const ring_shape *shape, NAME(cvec) *z, NAME(cvec) *y) {
	const double *twiddle = shape->twiddle, *root = shape->root;
	int64_t n = shape->npix, s = 1;
	for (int64_t i = 0; i < shape->stages; i++) {
		const int64_t r = shape->radix[i];
		switch (r) { // what is known when this is compiled is unrolled
#define STAGE(r) \
	case r: NAME(stage)(r, n, s, z, y, twiddle, root); break;
			STAGE(2) STAGE(3) STAGE(4) STAGE(5) STAGE(7) STAGE(11) STAGE(13)
#undef STAGE
		default: NAME(stage)(r, n, s, z, y, twiddle, root);
		}
		twiddle += 2 * n;
		root += 2 * r * r;
		n /= r;
		s *= r;
		NAME(cvec) *t = z;
		z = y;
		y = t;
	}
	return z;
}

// Wave m of each lane; without places the lanes are maps of a bundle, whose waves stand side by side.
TEMPLATE NAME(cvec) NAME(wave)(const ring_shape *shape, const double *waves, const int64_t *at, int64_t m) {
	waves += 2 * m * shape->step;
	if (at == NULL) return (NAME(cvec)){*(const NAME(vec) *)waves, *(const NAME(vec) *)(waves + BUNDLE)};
#define RE(i) waves[2 * at[i]]
#define IM(i) waves[2 * at[i] + 1]
#if BYTES == 64
	return (NAME(cvec)){{RE(0), RE(1), RE(2), RE(3), RE(4), RE(5), RE(6), RE(7)}, {IM(0), IM(1), IM(2), IM(3), IM(4), IM(5), IM(6), IM(7)}};
#elif BYTES == 32
	return (NAME(cvec)){{RE(0), RE(1), RE(2), RE(3)}, {IM(0), IM(1), IM(2), IM(3)}};
#else
	return (NAME(cvec)){{RE(0), RE(1)}, {IM(0), IM(1)}};
#endif
#undef RE
#undef IM
}

// Adds up the waves of g[k], k ≤ npix/2: pixels cannot tell m from m + npix, but on a shifted ring by the sign.
TEMPLATE void NAME(fold)(const ring_shape *shape, const double *waves, const int64_t *at, NAME(cvec) *g) {
	const int64_t n = shape->npix, half = n / 2;
	const int64_t plain = shape->count < half ? shape->count : half;
	for (int64_t m = 0; m < plain; m++) g[m] = NAME(wave)(shape, waves, at, m);
	for (int64_t m = plain; m <= half; m++) g[m] = (NAME(cvec)){0};
	int64_t k = half;
	double sign = 1;
	for (int64_t m = half; m < shape->count; m++) {
		NAME(cvec) v = NAME(wave)(shape, waves, at, m);
		if (k <= half) {
			g[k].re += sign * v.re;
			g[k].im += sign * v.im;
		}
		if (k == 0 || k >= half) { // the conjugate, at npix - k
			double other = k > 0 && shape->shifted ? -sign : sign;
			NAME(cvec) *to = k > 0 ? g + n - k : g;
			to->re += other * v.re;
			to->im -= other * v.im;
		}
		if (++k == n) {
			k = 0;
			if (shape->shifted) sign = -sign;
		}
	}
	if (shape->shifted)
		for (int64_t i = 0; i <= half; i++) g[i] = NAME(by)(g[i], shape->phase[2 * i], shape->phase[2 * i + 1]);
}

// The spectrum of x + iy, given the k ≤ npix/2 of those of x and of y, which are real.
TEMPLATE void NAME(merge)(int64_t npix, const NAME(cvec) *a, const NAME(cvec) *b, NAME(cvec) *z) {
	const int64_t half = npix / 2;
	z[0] = (NAME(cvec)){a[0].re, b[0].re};
	z[half] = (NAME(cvec)){a[half].re, b[half].re};
	for (int64_t k = 1; k < half; k++) {
		z[k] = (NAME(cvec)){a[k].re - b[k].im, a[k].im + b[k].re};
		z[npix - k] = (NAME(cvec)){a[k].re + b[k].im, b[k].re - a[k].im};
	}
}

typedef struct {
	int64_t north_waves[LANES], south_waves[LANES], north[LANES], south[LANES];
	double weight[LANES];
	int count;     // lanes that are pairs of their own; the others repeat the last
	bool south_is; // all have a southern ring
} NAME(lanes);

TEMPLATE void NAME(take)(NAME(lanes) *l, const ring_pair *pairs, int64_t n) {
	l->count = n < LANES ? (int)n : LANES;
	l->south_is = true;
	for (int i = 0; i < LANES; i++) {
		const ring_pair *p = pairs + (i < l->count ? i : l->count - 1);
		l->north_waves[i] = p->north_waves;
		l->south_waves[i] = p->south_waves;
		l->north[i] = p->north;
		l->south[i] = p->south;
		l->weight[i] = p->weight;
		if (p->south < 0) l->south_is = false;
	}
}

TARGET static void NAME(ring_synth)(const ring_shape *shape, int64_t n, const ring_pair *pairs, const double *waves, double *maps,
                                    double *scratch) {
	const int64_t npix = shape->npix, half = npix / 2;
	NAME(cvec) *z = (NAME(cvec) *)scratch, *y = z + npix, *a = y + npix, *b = a + half + 1;
	for (int64_t first = 0; first < n; first += LANES) {
		NAME(lanes) l;
		NAME(take)(&l, pairs + first, n - first);
		NAME(fold)(shape, waves, l.north_waves, a);
		if (l.south_is)
			NAME(fold)(shape, waves, l.south_waves, b);
		else
			memset(b, 0, (half + 1) * sizeof *b);
		NAME(merge)(npix, a, b, z);
		const NAME(cvec) *x = NAME(transform)(shape, z, y);
		for (int i = 0; i < l.count; i++) {
			double *to = maps + l.north[i];
			for (int64_t j = 0; j < npix; j++) to[j] = x[j].re[i];
			if (!l.south_is) continue;
			to = maps + l.south[i];
			for (int64_t j = 0; j < npix; j++) to[j] = x[j].im[i];
		}
	}
}

// Takes merge back, of a transform that was asked to exchange real and imaginary parts, and multiplies by w.
TEMPLATE void NAME(split)(const ring_shape *shape, const NAME(cvec) *x, NAME(vec) w, NAME(cvec) *a, NAME(cvec) *b) {
	const int64_t npix = shape->npix;
	w /= 2;
	for (int64_t k = 0; k <= npix / 2; k++) {
		const int64_t mirror = k == 0 ? 0 : npix - k;
		NAME(cvec) u = {x[k].im, x[k].re}, v = {x[mirror].im, x[mirror].re};
		a[k] = (NAME(cvec)){w * (u.re + v.re), w * (u.im - v.im)};
		b[k] = (NAME(cvec)){w * (u.im + v.im), w * (v.re - u.re)};
		if (shape->shifted) {
			a[k] = NAME(by)(a[k], shape->phase[2 * k], -shape->phase[2 * k + 1]);
			b[k] = NAME(by)(b[k], shape->phase[2 * k], -shape->phase[2 * k + 1]);
		}
	}
}

// Sets the waves of the lanes' rings from g[k], k ≤ npix/2.
TEMPLATE void NAME(unfold)(const ring_shape *shape, double *waves, const int64_t *at, int lanes, const NAME(cvec) *g) {
	const int64_t n = shape->npix, half = n / 2;
	for (int i = 0; i < lanes; i++) {
		double *to = waves + 2 * at[i], sign = 1;
		int64_t k = 0;
		for (int64_t m = 0; m < shape->count; m++, to += 2 * shape->step) {
			if (k <= half) {
				to[0] = sign * g[k].re[i];
				to[1] = sign * g[k].im[i];
			} else {
				double other = shape->shifted ? -sign : sign;
				to[0] = other * g[n - k].re[i];
				to[1] = -other * g[n - k].im[i];
			}
			if (++k == n) {
				k = 0;
				if (shape->shifted) sign = -sign;
			}
		}
	}
}

TARGET static void NAME(ring_analyse)(const ring_shape *shape, int64_t n, const ring_pair *pairs, double *waves, const double *maps,
                                      double *scratch) {
	const int64_t npix = shape->npix, half = npix / 2;
	NAME(cvec) *z = (NAME(cvec) *)scratch, *y = z + npix, *a = y + npix, *b = a + half + 1;
	for (int64_t first = 0; first < n; first += LANES) {
		NAME(lanes) l;
		NAME(take)(&l, pairs + first, n - first);
		// The transform by the other sign is this one with real and imaginary parts exchanged, before and after.
		for (int i = 0; i < LANES; i++) {
			const double *from = maps + l.north[i];
			for (int64_t j = 0; j < npix; j++) z[j].im[i] = from[j];
			from = l.south_is ? maps + l.south[i] : NULL;
			for (int64_t j = 0; j < npix; j++) z[j].re[i] = from != NULL ? from[j] : 0;
		}
		NAME(vec) w;
		memcpy(&w, l.weight, sizeof w);
		NAME(split)(shape, NAME(transform)(shape, z, y), w, a, b);
		NAME(unfold)(shape, waves, l.north_waves, l.count, a);
		if (l.south_is) NAME(unfold)(shape, waves, l.south_waves, l.count, b);
	}
}

// Sets the waves of a bundle's lanes from g[k].
TEMPLATE void NAME(spread)(const ring_shape *shape, double *waves, const NAME(cvec) *g) {
	const int64_t n = shape->npix, half = n / 2;
	double sign = 1;
	int64_t k = 0;
	for (int64_t m = 0; m < shape->count; m++, waves += 2 * shape->step) {
		const bool mirror = k > half;
		const NAME(cvec) *from = g + (mirror ? n - k : k);
		const double s = mirror && shape->shifted ? -sign : sign;
		*(NAME(vec) *)waves = s * from->re;
		*(NAME(vec) *)(waves + BUNDLE) = (mirror ? -s : s) * from->im;
		if (++k == n) {
			k = 0;
			if (shape->shifted) sign = -sign;
		}
	}
}

typedef int64_t NAME(picks) __attribute__((vector_size(BYTES)));

// Exchanges rows and columns.
TEMPLATE void NAME(transpose)(NAME(vec) *v) {
#if BYTES == 64
	const NAME(picks) low[3] = {{0, 8, 2, 10, 4, 12, 6, 14}, {0, 1, 8, 9, 4, 5, 12, 13}, {0, 1, 2, 3, 8, 9, 10, 11}};
	const NAME(picks) high[3] = {{1, 9, 3, 11, 5, 13, 7, 15}, {2, 3, 10, 11, 6, 7, 14, 15}, {4, 5, 6, 7, 12, 13, 14, 15}};
#elif BYTES == 32
	const NAME(picks) low[2] = {{0, 4, 2, 6}, {0, 1, 4, 5}}, high[2] = {{1, 5, 3, 7}, {2, 3, 6, 7}};
#else
	const NAME(picks) low[1] = {{0, 2}}, high[1] = {{1, 3}};
#endif
#pragma GCC unroll 3
	for (int stage = 0; stage < (int)(sizeof low / sizeof *low); stage++)
#pragma GCC unroll 8
		for (int i = 0; i < LANES; i++) {
			const int d = 1 << stage;
			if (i & d) continue;
			NAME(vec) a = v[i], b = v[i + d];
			v[i] = __builtin_shuffle(a, b, low[stage]);
			v[i + d] = __builtin_shuffle(a, b, high[stage]);
		}
}

// Writes the lanes' pixels, a vector of each, to maps that stand apart.
TEMPLATE void NAME(write)(double *maps, int64_t map, int64_t lanes, int64_t npix, const NAME(vec) *x) {
	int64_t j = 0;
	for (; j + LANES <= npix; j += LANES) {
		NAME(vec) v[LANES];
#pragma GCC unroll 8
		for (int i = 0; i < LANES; i++) v[i] = x[2 * (j + i)]; // of every second, between the other ring's
		NAME(transpose)(v);
		if (lanes >= LANES) {
#pragma GCC unroll 8
			for (int i = 0; i < LANES; i++) *(NAME(vec) *)(maps + i * map + j) = v[i];
		} else
			for (int i = 0; i < lanes; i++) *(NAME(vec) *)(maps + i * map + j) = v[i];
	}
	for (; j < npix; j++)
		for (int i = 0; i < LANES && i < lanes; i++) maps[i * map + j] = x[2 * j][i];
}

// Reads what write writes; lanes that are not there repeat the first.
TEMPLATE void NAME(read)(const double *maps, int64_t map, int64_t lanes, int64_t npix, NAME(vec) *x) {
	int64_t j = 0;
	for (; j + LANES <= npix; j += LANES) {
		NAME(vec) v[LANES];
#pragma GCC unroll 8
		for (int i = 0; i < LANES; i++) v[i] = *(const NAME(vec) *)(maps + (i < lanes ? i : 0) * map + j);
		NAME(transpose)(v);
#pragma GCC unroll 8
		for (int i = 0; i < LANES; i++) x[2 * (j + i)] = v[i];
	}
	for (; j < npix; j++)
		for (int i = 0; i < LANES; i++) x[2 * j][i] = maps[(i < lanes ? i : 0) * map + j];
}

TARGET static void NAME(ring_synth_bundle)(const ring_shape *shape, int64_t n, const ring_pair *pairs, int64_t count, int64_t map,
                                           const double *waves, double *maps, double *scratch) {
	const int64_t npix = shape->npix, half = npix / 2;
	NAME(cvec) *z = (NAME(cvec) *)scratch, *y = z + npix, *a = y + npix, *b = a + half + 1;
	for (const ring_pair *p = pairs; p < pairs + n; p++)
		for (int64_t v = 0; v < count; v += LANES) {
			NAME(fold)(shape, waves + 2 * p->north_waves + v, NULL, a);
			if (p->south >= 0)
				NAME(fold)(shape, waves + 2 * p->south_waves + v, NULL, b);
			else
				memset(b, 0, (half + 1) * sizeof *b);
			NAME(merge)(npix, a, b, z);
			const NAME(cvec) *x = NAME(transform)(shape, z, y);
			NAME(write)(maps + v * map + p->north, map, count - v, npix, &x->re);
			if (p->south >= 0) NAME(write)(maps + v * map + p->south, map, count - v, npix, &x->im);
		}
}

TARGET static void NAME(ring_analyse_bundle)(const ring_shape *shape, int64_t n, const ring_pair *pairs, int64_t count, int64_t map,
                                             double *waves, const double *maps, double *scratch) {
	const int64_t npix = shape->npix, half = npix / 2;
	NAME(cvec) *z = (NAME(cvec) *)scratch, *y = z + npix, *a = y + npix, *b = a + half + 1;
	for (const ring_pair *p = pairs; p < pairs + n; p++)
		for (int64_t v = 0; v < count; v += LANES) {
			NAME(read)(maps + v * map + p->north, map, count - v, npix, &z->im);
			if (p->south >= 0)
				NAME(read)(maps + v * map + p->south, map, count - v, npix, &z->re);
			else
				for (int64_t j = 0; j < npix; j++) z[j].re = (NAME(vec)){0};
			NAME(split)(shape, NAME(transform)(shape, z, y), (NAME(vec)){0} + p->weight, a, b);
			NAME(spread)(shape, waves + 2 * p->north_waves + v, a);
			if (p->south >= 0) NAME(spread)(shape, waves + 2 * p->south_waves + v, b);
		}
}

static const ring_path NAME(ring) = {NAME(ring_synth), NAME(ring_analyse), NAME(ring_synth_bundle), NAME(ring_analyse_bundle)};

#undef LANES
#undef TEMPLATE
#undef BYTES
#undef TARGET
#undef NAME
