// The sums of bundles of maps, a template that legendre_kernel.h includes: a lane of the vectors is a map, and the functions, which
// are tabled once for all of them, are broadcast.

// Tables g's functions as [count][n].
TARGET static void NAME(table)(const int spin, const legendre *g, double *table) {
	for (int64_t first = 0; first < g->n; first += 2 * LANES) {
		if (spin)
			NAME(block)(1, TABLE, g, first, NULL, NULL, table + first);
		else
			NAME(block)(0, TABLE, g, first, NULL, NULL, table + first);
	}
}

// Reads an alm of each lane, a and further ones t->map apart, of which `maps` are there.
TEMPLATE NAME(vec) NAME(lanes)(const double *a, int64_t map, int64_t maps) {
	NAME(vec) v = {0};
	if (maps >= LANES) {
#pragma GCC unroll 8
		for (int i = 0; i < LANES; i++) v[i] = a[i * map];
	} else
		for (int i = 0; i < maps; i++) v[i] = a[i * map];
	return v;
}

TEMPLATE void NAME(scatter)(double *a, int64_t map, int64_t maps, NAME(vec) v) {
	double lane[LANES];
	memcpy(lane, &v, sizeof lane);
	for (int i = 0; i < LANES && i < maps; i++) a[i * map] = lane[i];
}

// Keeps the compiler from reading v twice, as operand of two sums.
TEMPLATE NAME(vec) NAME(once)(NAME(vec) v) {
#if defined(__x86_64__)
#if BYTES == 64
	__asm__("" : "+v"(v));
#else
	__asm__("" : "+x"(v));
#endif
#endif
	return v;
}

TEMPLATE void NAME(ring)(double *waves, NAME(vec) re, NAME(vec) im) {
	NAME(put)(waves, re);
	NAME(put)(waves + BUNDLE, im);
}

// Lanes from v on of a bundle's maps of spin 0.
TEMPLATE void NAME(synth_maps)(const legendre *g, const legendre_bundle *t, int64_t v, const double *alm, double *waves,
                               const double *table, double *coef) {
	const int64_t count = (t->terms + 1) / 2 * 2, n = g->n;
	alm += v * t->map;
	for (int64_t l = 0; l < t->terms; l++) {
		NAME(put)(coef + 2 * l * LANES, t->norm[l] * NAME(lanes)(alm + 2 * l, t->map, t->maps - v));
		NAME(put)(coef + (2 * l + 1) * LANES, t->norm[l] * NAME(lanes)(alm + 2 * l + 1, t->map, t->maps - v));
	}
	memset(coef + 2 * t->terms * LANES, 0, 2 * LANES * sizeof *coef);
	double *north = waves + v, *south = north + t->south;
	for (int64_t r = 0; r < t->rings; r += 2) {
		NAME(vec) even[2][2] = {0}, odd[2][2] = {0};
		const double *f = table + r, *a = coef;
		for (int64_t l = 0; l < count; l += 2, f += 2 * n, a += 4 * LANES) {
#pragma GCC unroll 2
			for (int i = 0; i < 2; i++)
#pragma GCC unroll 2
				for (int j = 0; j < 2; j++) {
					even[i][j] += f[i] * NAME(get)(a + j * LANES);
					odd[i][j] += f[n + i] * NAME(get)(a + (2 + j) * LANES);
				}
		}
		for (int i = 0; i < 2 && r + i < t->rings; i++, north += 2 * BUNDLE, south -= 2 * BUNDLE) {
			NAME(ring)(south, even[i][0] - odd[i][0], even[i][1] - odd[i][1]);
			NAME(ring)(north, even[i][0] + odd[i][0], even[i][1] + odd[i][1]); // last, for the equator is in both
		}
	}
}

TEMPLATE void NAME(analyse_maps)(const legendre *g, const legendre_bundle *t, int64_t v, double *alm, const double *waves,
                                 const double *table, double *values) {
	const int64_t n = g->n;
	const double *north = waves + v, *south = north + t->south;
	for (int64_t r = 0; r < t->rings; r++, north += 2 * BUNDLE, south -= 2 * BUNDLE)
		for (int j = 0; j < 2; j++) {
			NAME(vec) a = NAME(get)(north + j * BUNDLE), b = {0};
			if (north != south) b = NAME(get)(south + j * BUNDLE);
			NAME(put)(values + (4 * r + j) * LANES, a + b);
			NAME(put)(values + (4 * r + 2 + j) * LANES, a - b);
		}
	alm += v * t->map;
	for (int64_t l = 0; l < t->terms; l += 4) {
		const NAME(vec) zero = {0};
		NAME(vec) sums[4][2] = {{zero, zero}, {zero, zero}, {zero, zero}, {zero, zero}};
		const double *f = table + l * n, *a = values;
		for (int64_t r = 0; r < t->rings; r++, f++, a += 4 * LANES) {
#pragma GCC unroll 4
			for (int i = 0; i < 4; i++)
#pragma GCC unroll 2
				for (int j = 0; j < 2; j++) sums[i][j] += f[i * n] * NAME(get)(a + (i % 2 * 2 + j) * LANES);
		}
		for (int i = 0; i < 4 && l + i < t->terms; i++)
			for (int j = 0; j < 2; j++) NAME(scatter)(alm + 2 * (l + i) + j, t->map, t->maps - v, t->norm[l + i] * sums[i][j]);
	}
}

// Lanes from v on of a bundle's pairs. The sums of spin 2 and -2 in the north and the south, where λ⁺ and λ⁻ change places but for
// the sign: λ⁺ a and λ⁺ b, λ⁻ b and λ⁻ a, with a = -(E + iB)/2 and b = -(E - iB)/2.
TEMPLATE void NAME(synth_pairs)(const legendre *g, const legendre_bundle *t, int64_t v, const double *alm, double *waves,
                                const double *plus, const double *minus, double *coef) {
	const int64_t count = (t->terms + 1) / 2 * 2, n = g->n;
	alm += v * t->map;
	for (int64_t l = 0; l < t->terms; l++, alm += 2) {
		NAME(vec) er = NAME(lanes)(alm, t->map, t->maps - v), ei = NAME(lanes)(alm + 1, t->map, t->maps - v);
		NAME(vec) br = NAME(lanes)(alm + t->field, t->map, t->maps - v), bi = NAME(lanes)(alm + t->field + 1, t->map, t->maps - v);
		const double f = t->norm[l] / 2;
		double *to = coef + 4 * l * LANES;
		NAME(put)(to, f * (bi - er));
		NAME(put)(to + LANES, -f * (ei + br));
		NAME(put)(to + 2 * LANES, -f * (er + bi));
		NAME(put)(to + 3 * LANES, f * (br - ei));
	}
	memset(coef + 4 * t->terms * LANES, 0, 4 * LANES * sizeof *coef);
	double *north = waves + v, *south = north + t->south;
	for (int64_t r = 0; r < t->rings; r++, north += 2 * BUNDLE, south -= 2 * BUNDLE) {
		NAME(vec) p[2] = {0}, q[2] = {0}, ps[2] = {0}, qs[2] = {0};
		const double *f = plus + r, *h = minus + r, *a = coef;
		for (int64_t l = 0; l < count; l += 2, f += 2 * n, h += 2 * n, a += 8 * LANES) {
#pragma GCC unroll 2
			for (int j = 0; j < 2; j++) {
				NAME(vec) c = NAME(once)(NAME(get)(a + j * LANES)), d = NAME(once)(NAME(get)(a + (2 + j) * LANES));
				p[j] += f[0] * c;
				ps[j] += f[0] * d;
				q[j] += h[0] * d;
				qs[j] += h[0] * c;
			}
#pragma GCC unroll 2
			for (int j = 0; j < 2; j++) {
				NAME(vec) c = NAME(once)(NAME(get)(a + (4 + j) * LANES)), d = NAME(once)(NAME(get)(a + (6 + j) * LANES));
				p[j] += f[n] * c;
				ps[j] -= f[n] * d;
				q[j] += h[n] * d;
				qs[j] -= h[n] * c;
			}
		}
		// Q = P⁺ + P⁻ and U = -i(P⁺ - P⁻), in the south with the spins exchanged.
		NAME(ring)(south, t->parity * (ps[0] + qs[0]), t->parity * (ps[1] + qs[1]));
		NAME(ring)(south + t->plane, t->parity * (qs[1] - ps[1]), t->parity * (ps[0] - qs[0]));
		NAME(ring)(north, p[0] + q[0], p[1] + q[1]); // last, for the equator is in both
		NAME(ring)(north + t->plane, p[1] - q[1], q[0] - p[0]);
	}
}

TEMPLATE void NAME(analyse_pairs)(const legendre *g, const legendre_bundle *t, int64_t v, double *alm, const double *waves,
                                  const double *plus, const double *minus, double *values) {
	const int64_t n = g->n;
	const double *north = waves + v, *south = north + t->south;
	for (int64_t r = 0; r < t->rings; r++, north += 2 * BUNDLE, south -= 2 * BUNDLE) {
		double *to = values + 8 * r * LANES;
		NAME(vec) q = NAME(get)(north), qi = NAME(get)(north + BUNDLE);
		NAME(vec) u = NAME(get)(north + t->plane), ui = NAME(get)(north + t->plane + BUNDLE);
		NAME(put)(to, q - ui);
		NAME(put)(to + LANES, qi + u);
		NAME(put)(to + 2 * LANES, q + ui);
		NAME(put)(to + 3 * LANES, qi - u);
		if (north == south) {
			memset(to + 4 * LANES, 0, 4 * LANES * sizeof *to);
			continue;
		}
		q = t->parity * NAME(get)(south), qi = t->parity * NAME(get)(south + BUNDLE);
		u = t->parity * NAME(get)(south + t->plane), ui = t->parity * NAME(get)(south + t->plane + BUNDLE);
		NAME(put)(to + 4 * LANES, q + ui);
		NAME(put)(to + 5 * LANES, qi - u);
		NAME(put)(to + 6 * LANES, q - ui);
		NAME(put)(to + 7 * LANES, qi + u);
	}
	alm += v * t->map;
	for (int64_t l = 0; l < t->terms; l += 2) {
		const NAME(vec) zero = {0};
		NAME(vec) a[2][2] = {{zero, zero}, {zero, zero}}, b[2][2] = {{zero, zero}, {zero, zero}};
		const double *f = plus + l * n, *h = minus + l * n, *w = values;
		for (int64_t r = 0; r < t->rings; r++, f++, h++, w += 8 * LANES) {
#pragma GCC unroll 2
			for (int j = 0; j < 2; j++) {
				NAME(vec) p = NAME(once)(NAME(get)(w + j * LANES)), q = NAME(once)(NAME(get)(w + (2 + j) * LANES));
				a[0][j] += f[0] * p;
				a[1][j] += f[n] * p;
				b[0][j] += h[0] * q;
				b[1][j] += h[n] * q;
				NAME(vec) ps = NAME(once)(NAME(get)(w + (4 + j) * LANES)), qs = NAME(once)(NAME(get)(w + (6 + j) * LANES));
				b[0][j] += f[0] * ps;
				b[1][j] -= f[n] * ps;
				a[0][j] += h[0] * qs;
				a[1][j] -= h[n] * qs;
			}
		}
		for (int i = 0; i < 2 && l + i < t->terms; i++) { // E = -(a + b)/2 and B = i(a - b)/2
			const double half = t->norm[l + i] / 2;
			double *to = alm + 2 * (l + i);
			NAME(scatter)(to, t->map, t->maps - v, -half * (a[i][0] + b[i][0]));
			NAME(scatter)(to + 1, t->map, t->maps - v, -half * (a[i][1] + b[i][1]));
			NAME(scatter)(to + t->field, t->map, t->maps - v, half * (b[i][1] - a[i][1]));
			NAME(scatter)(to + t->field + 1, t->map, t->maps - v, half * (a[i][0] - b[i][0]));
		}
	}
}

TARGET static void NAME(synth_bundle)(const legendre *g, const legendre *h, const legendre_bundle *t, const double *alm, double *waves,
                                      double *scratch) {
	double *other = scratch + g->count * g->n, *rest = h == NULL ? other : other + g->count * g->n;
	NAME(table)(h != NULL, g, scratch);
	if (h != NULL) NAME(table)(1, h, other);
	for (int64_t v = 0; v < t->maps; v += LANES) {
		if (h == NULL)
			NAME(synth_maps)(g, t, v, alm, waves, scratch, rest);
		else
			NAME(synth_pairs)(g, t, v, alm, waves, scratch, other, rest);
	}
}

TARGET static void NAME(analyse_bundle)(const legendre *g, const legendre *h, const legendre_bundle *t, double *alm, const double *waves,
                                        double *scratch) {
	double *other = scratch + g->count * g->n, *rest = h == NULL ? other : other + g->count * g->n;
	NAME(table)(h != NULL, g, scratch);
	if (h != NULL) NAME(table)(1, h, other);
	for (int64_t v = 0; v < t->maps; v += LANES) {
		if (h == NULL)
			NAME(analyse_maps)(g, t, v, alm, waves, scratch, rest);
		else
			NAME(analyse_pairs)(g, t, v, alm, waves, scratch, other, rest);
	}
}
