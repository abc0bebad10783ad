// Fourier sums of rings, a template: included once for every path, with BYTES, TARGET and NAME as in gemm_kernel.h. A lane of
// the vectors is a pair of rings: the real part of a complex transform is the northern ring, the imaginary part the southern.
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

// Wave m of each lane.
TEMPLATE NAME(cvec) NAME(wave)(const ring_shape *shape, const double *waves, const int64_t *at, int64_t m) {
	waves += 2 * m * shape->step;
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
		z[0] = (NAME(cvec)){a[0].re, b[0].re};
		z[half] = (NAME(cvec)){a[half].re, b[half].re};
		for (int64_t k = 1; k < half; k++) {
			z[k] = (NAME(cvec)){a[k].re - b[k].im, a[k].im + b[k].re};
			z[npix - k] = (NAME(cvec)){a[k].re + b[k].im, b[k].re - a[k].im};
		}
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
		const NAME(cvec) *x = NAME(transform)(shape, z, y);
		NAME(vec) w;
		memcpy(&w, l.weight, sizeof w);
		w /= 2;
		for (int64_t k = 0; k <= half; k++) {
			const int64_t mirror = k == 0 ? 0 : npix - k;
			NAME(cvec) u = {x[k].im, x[k].re}, v = {x[mirror].im, x[mirror].re};
			a[k] = (NAME(cvec)){w * (u.re + v.re), w * (u.im - v.im)};
			b[k] = (NAME(cvec)){w * (u.im + v.im), w * (v.re - u.re)};
			if (shape->shifted) {
				a[k] = NAME(by)(a[k], shape->phase[2 * k], -shape->phase[2 * k + 1]);
				b[k] = NAME(by)(b[k], shape->phase[2 * k], -shape->phase[2 * k + 1]);
			}
		}
		NAME(unfold)(shape, waves, l.north_waves, l.count, a);
		if (l.south_is) NAME(unfold)(shape, waves, l.south_waves, l.count, b);
	}
}

static const ring_path NAME(ring) = {NAME(ring_synth), NAME(ring_analyse)};

#undef LANES
#undef TEMPLATE
#undef BYTES
#undef TARGET
#undef NAME
