// What follows the sums of a convolution, a template for each_path.h.
#define LANES ((int)(BYTES / sizeof(float)))
#define TEMPLATE static inline __attribute__((always_inline)) TARGET

typedef float NAME(row) __attribute__((vector_size(BYTES)));
typedef int32_t NAME(choice) __attribute__((vector_size(BYTES)));
typedef double NAME(exact) __attribute__((vector_size(2 * BYTES)));

// LANES channels of one output, finished but for the pool.
TEMPLATE NAME(row) NAME(finished)(const float *o, const float *bias, const float *scale, const int relu) {
	NAME(row) v, b;
	memcpy(&v, o, sizeof v);
	memcpy(&b, bias, sizeof b);
	v = scale ? *scale * v + b : v + b;
	return relu ? (NAME(row))((NAME(choice))v & ~(v < 0)) : v; // NaN stays
}

TEMPLATE void NAME(end_of)(float *o, int64_t n, int64_t ldo, int64_t channels, const float *bias, const float *scale, const int relu,
                           const int pool, double factor) {
	const int step = pool ? 4 : 1;
	for (int64_t i = 0; i < n / step; i++)
		for (int64_t c = 0; c < channels; c += LANES) {
			NAME(row) x[4];
#pragma GCC unroll 4
			for (int k = 0; k < step; k++)
				x[k] = NAME(finished)(o + (i * step + k) * ldo + c, bias + c, scale ? scale + i * step + k : NULL, relu);
			if (pool == ASTRONNX_CONV_SUM4) {
				NAME(exact) sum = {0};
#pragma GCC unroll 4
				for (int k = 0; k < 4; k++) sum += __builtin_convertvector(x[k], NAME(exact));
				x[0] = __builtin_convertvector(sum * factor, NAME(row));
			} else if (pool == ASTRONNX_CONV_MAX4) {
#pragma GCC unroll 3
				for (int k = 1; k < 4; k++) {
					const NAME(choice) above = (x[k] > x[0]) | (x[k] != x[k]);
					x[0] = (NAME(row))(((NAME(choice))x[k] & above) | ((NAME(choice))x[0] & ~above));
				}
			}
			memcpy(o + i * ldo + c, &x[0], sizeof x[0]);
		}
}

TARGET void NAME(conv_end)(float *o, int64_t n, int64_t ldo, int64_t channels, const float *bias, const float *scale,
                           const astronnx_conv_ending *e) {
#define END(relu, pool) NAME(end_of)(o, n, ldo, channels, bias, scale, relu, pool, e->factor)
	switch (e->pool) {
	case ASTRONNX_CONV_SUM4: e->relu ? END(1, ASTRONNX_CONV_SUM4) : END(0, ASTRONNX_CONV_SUM4); return;
	case ASTRONNX_CONV_MAX4: e->relu ? END(1, ASTRONNX_CONV_MAX4) : END(0, ASTRONNX_CONV_MAX4); return;
	default: e->relu ? END(1, 0) : END(0, 0);
	}
#undef END
}

#undef LANES
#undef TEMPLATE
#undef BYTES
#undef TARGET
#undef NAME
