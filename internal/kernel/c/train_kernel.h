// The passes of train.h, a template: included once for every path, with
//   BYTES      bytes of a vector
//   ROOT(v)    the square roots of a vector
//   TARGET     the function attribute that allows the instructions
//   NAME(x)    the name of x for this path
#define LANES ((int)(BYTES / sizeof(float)))

#define TEMPLATE static inline __attribute__((always_inline)) TARGET

typedef float NAME(vec) __attribute__((vector_size(BYTES)));
typedef int32_t NAME(ints) __attribute__((vector_size(BYTES)));

TEMPLATE NAME(vec) NAME(get)(const float *p) {
	NAME(vec) v;
	memcpy(&v, p, sizeof v);
	return v;
}

TEMPLATE void NAME(put)(float *p, NAME(vec) v) { memcpy(p, &v, sizeof v); }

TARGET static void NAME(adam)(const astronnx_adam *a, int64_t first, int64_t last) {
	const float to_m = a->share1, to_v = a->share2;
	const float rate = a->rate, epsilon = a->epsilon, keep = a->keep;
	int64_t i = first;
	for (; i + LANES <= last; i += LANES) {
		NAME(vec) g = NAME(get)(a->g + i), m = NAME(get)(a->m + i), v = NAME(get)(a->v + i);
		m += to_m * (g - m);
		v += to_v * (g * g - v);
		NAME(put)(a->p1 + i, keep * NAME(get)(a->p + i) - rate * m / (ROOT(v) + epsilon));
		NAME(put)(a->m1 + i, m);
		NAME(put)(a->v1 + i, v);
	}
	for (; i < last; i++) {
		float g = a->g[i], m = a->m[i], v = a->v[i];
		m += to_m * (g - m);
		v += to_v * (g * g - v);
		a->p1[i] = keep * a->p[i] - rate * m / (sqrtf(v) + epsilon);
		a->m1[i] = m;
		a->v1[i] = v;
	}
}

// What a channel's elements are multiplied by: the normalised x is a * (x - mean) + bias, and dx is a * d + slope * (x - mean) + shift,
// where d is the gradient before the activation.
typedef struct {
	float a, mean, bias, slope, shift, alpha;
} NAME(channel);

// The gradient before the activation of one vector; away is x - mean. kind is a constant of the code.
TEMPLATE NAME(vec) NAME(before)(const int kind, const NAME(channel) *c, NAME(vec) away, NAME(vec) d) {
	if (kind == ASTRONNX_PLAIN) return d;
	const NAME(ints) on = c->a * away + c->bias > 0;
	const NAME(vec) low = kind == ASTRONNX_RELU ? (NAME(vec)){0} : c->alpha * d;
	return (NAME(vec))(((NAME(ints))d & on) | ((NAME(ints))low & ~on));
}

TEMPLATE float NAME(before1)(const int kind, const NAME(channel) *c, float away, float d) {
	return kind == ASTRONNX_PLAIN || c->a * away + c->bias > 0 ? d : kind == ASTRONNX_RELU ? 0 : c->alpha * d;
}

TEMPLATE double NAME(total)(NAME(vec) v) {
	double sum = 0;
	for (int i = 0; i < LANES; i++) sum += (double)v[i];
	return sum;
}

// Adds to sums[0] the d of n elements and to sums[1] those times away, in float32 over at most BLOCK of them.
TEMPLATE void NAME(norm_sums)(const int kind, const NAME(channel) *c, int64_t n, const float *x, const float *dy, double *sums) {
	enum { BLOCK = 4096 };
	for (int64_t from = 0, i = 0; i < n; from += BLOCK) {
		const int64_t end = n - from < BLOCK ? n : from + BLOCK;
		NAME(vec) s[2] = {{0}}, t[2] = {{0}};
		for (; i + 2 * LANES <= end; i += 2 * LANES)
#pragma GCC unroll 2
			for (int v = 0; v < 2; v++) {
				const NAME(vec) away = NAME(get)(x + i + v * LANES) - c->mean;
				const NAME(vec) d = NAME(before)(kind, c, away, NAME(get)(dy + i + v * LANES));
				s[v] += d;
				t[v] += d * away;
			}
		sums[0] += NAME(total)(s[0] + s[1]);
		sums[1] += NAME(total)(t[0] + t[1]);
		for (; i < end; i++) {
			const float away = x[i] - c->mean, d = NAME(before1)(kind, c, away, dy[i]);
			sums[0] += (double)d;
			sums[1] += (double)(d * away);
		}
	}
}

TEMPLATE void NAME(norm_input)(const int kind, const NAME(channel) *c, int64_t n, const float *x, const float *dy, float *dx) {
	int64_t i = 0;
	for (; i + LANES <= n; i += LANES) {
		const NAME(vec) away = NAME(get)(x + i) - c->mean, d = NAME(before)(kind, c, away, NAME(get)(dy + i));
		NAME(put)(dx + i, c->a * d + (c->slope * away + c->shift));
	}
	for (; i < n; i++) {
		const float away = x[i] - c->mean, d = NAME(before1)(kind, c, away, dy[i]);
		dx[i] = c->a * d + (c->slope * away + c->shift);
	}
}

// The images are gone through twice for CHANNELS channels together, so that planes of few elements, which stand side by side, are
// read in order.
TEMPLATE void NAME(norm_grad)(const int kind, const astronnx_batch_norm_grad *g, int64_t first, int64_t last) {
	enum { CHANNELS = 16 };
	const int64_t step = g->inner < 4 * LANES ? CHANNELS : 1;
	for (; first < last; first += step) {
		const int64_t n = last - first < step ? last - first : step;
		NAME(channel) c[CHANNELS];
		double sums[CHANNELS][2] = {{0}}, count = (double)g->images * (double)g->inner;
		for (int64_t k = 0; k < n; k++) {
			const int64_t at = first + k;
			c[k].a = (float)(g->scale[at] / sqrt((double)g->var[at] + g->epsilon));
			c[k].mean = g->mean[at], c[k].bias = g->bias[at], c[k].alpha = g->alpha;
		}
		for (int64_t image = 0; image < g->images; image++)
			for (int64_t k = 0; k < n; k++) {
				const int64_t at = (image * g->channels + first + k) * g->inner;
				NAME(norm_sums)(kind, &c[k], g->inner, g->x + at, g->dy + at, sums[k]);
			}
		for (int64_t k = 0; k < n; k++) {
			const double inverse = 1 / sqrt((double)g->var[first + k] + g->epsilon), a = g->scale[first + k] * inverse;
			g->dscale[first + k] = (float)(sums[k][1] * inverse);
			g->dbias[first + k] = (float)sums[k][0];
			c[k].slope = (float)(-a * inverse * inverse * sums[k][1] / count);
			c[k].shift = (float)(-a * sums[k][0] / count);
		}
		for (int64_t image = 0; image < g->images; image++)
			for (int64_t k = 0; k < n; k++) {
				const int64_t at = (image * g->channels + first + k) * g->inner;
				NAME(norm_input)(kind, &c[k], g->inner, g->x + at, g->dy + at, g->dx + at);
			}
	}
}

TARGET static void NAME(batch_norm_grad)(const astronnx_batch_norm_grad *g, int64_t first, int64_t last) {
	switch (g->activation) {
	case ASTRONNX_RELU: NAME(norm_grad)(ASTRONNX_RELU, g, first, last); return;
	case ASTRONNX_LEAKY_RELU: NAME(norm_grad)(ASTRONNX_LEAKY_RELU, g, first, last); return;
	default: NAME(norm_grad)(ASTRONNX_PLAIN, g, first, last);
	}
}

static const astronnx_train_api NAME(train) = {
    .version = ASTRONNX_TRAIN_VERSION,
    .bytes = sizeof(astronnx_train_api),
    .adam = NAME(adam),
    .batch_norm_grad = NAME(batch_norm_grad),
};

#undef LANES
#undef TEMPLATE
#undef ROOT
#undef BYTES
#undef TARGET
#undef NAME
