// The passes of train.h, a template: included once for every path, with
//   BYTES      bytes of a vector
//   ROOT(v)    the square roots of a vector
//   TARGET     the function attribute that allows the instructions
//   NAME(x)    the name of x for this path
#define LANES ((int)(BYTES / sizeof(float)))

#define TEMPLATE static inline __attribute__((always_inline)) TARGET

typedef float NAME(vec) __attribute__((vector_size(BYTES)));
typedef int32_t NAME(ints) __attribute__((vector_size(BYTES)));
typedef double NAME(wide) __attribute__((vector_size(2 * BYTES)));

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

TEMPLATE NAME(ints) NAME(above)(NAME(vec) a, NAME(vec) b) { return (a > b) | ((a != a) & (b == b)); }

TEMPLATE NAME(vec) NAME(pick)(NAME(ints) on, NAME(vec) a, NAME(vec) b) {
	return (NAME(vec))(((NAME(ints))a & on) | ((NAME(ints))b & ~on));
}

// Of two vectors in a row the elements at even places and those at odd ones, and back.
#if BYTES == 64
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#define FRONT(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define BACK(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif BYTES == 32
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15)
#define FRONT(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define BACK(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7)
#define FRONT(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define BACK(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#endif

// A plane of windows of 2 x 2 side by side, LANES of a row at a time.
TEMPLATE void NAME(max_pool_tiles)(const astronnx_max_pool_grad *g, const float *x, const float *dy, float *dx) {
	const int64_t width = g->in[2], n = g->out[2];
	for (int64_t row = 0; row < g->out[1]; row++, dy += n) {
		const float *top = x + 2 * row * width, *low = top + width;
		float *to = dx + 2 * row * width, *to_low = to + width;
		int64_t i = 0;
		for (; i + LANES <= n; i += LANES) {
			const NAME(vec) t0 = NAME(get)(top + 2 * i), t1 = NAME(get)(top + 2 * i + LANES);
			const NAME(vec) l0 = NAME(get)(low + 2 * i), l1 = NAME(get)(low + 2 * i + LANES);
			const NAME(vec) a = EVEN(t0, t1), b = ODD(t0, t1), c = EVEN(l0, l1), d = ODD(l0, l1);
			const NAME(ints) right = NAME(above)(b, a), below = NAME(above)(d, c);
			const NAME(ints) second = NAME(above)(NAME(pick)(below, d, c), NAME(pick)(right, b, a));
			const NAME(ints) y = (NAME(ints))NAME(get)(dy + i);
			const NAME(vec) to_a = (NAME(vec))(y & ~(right | second)), to_b = (NAME(vec))(y & right & ~second);
			const NAME(vec) to_c = (NAME(vec))(y & second & ~below), to_d = (NAME(vec))(y & second & below);
			NAME(put)(to + 2 * i, FRONT(to_a, to_b)), NAME(put)(to + 2 * i + LANES, BACK(to_a, to_b));
			NAME(put)(to_low + 2 * i, FRONT(to_c, to_d)), NAME(put)(to_low + 2 * i + LANES, BACK(to_c, to_d));
		}
		for (; i < n; i++) {
			const float a = top[2 * i], b = top[2 * i + 1], c = low[2 * i], d = low[2 * i + 1];
			const int right = (b > a) | ((b != b) & (a == a)), below = (d > c) | ((d != d) & (c == c));
			const float first = right ? b : a, last = below ? d : c;
			const int second = (last > first) | ((last != last) & (first == first));
			to[2 * i] = right | second ? 0 : dy[i];
			to[2 * i + 1] = right & !second ? dy[i] : 0;
			to_low[2 * i] = second & !below ? dy[i] : 0;
			to_low[2 * i + 1] = second & below ? dy[i] : 0;
		}
	}
}

TEMPLATE void NAME(max_pool_plane)(const astronnx_max_pool_grad *g, const float *x, const float *dy, float *dx) {
	int64_t at[3];
	for (at[0] = 0; at[0] < g->out[0]; at[0]++)
		for (at[1] = 0; at[1] < g->out[1]; at[1]++)
			for (at[2] = 0; at[2] < g->out[2]; at[2]++, dy++) {
				int64_t lo[3], from[3], to[3]; // the window's first element and its taps inside the plane
				for (int i = 0; i < 3; i++) {
					const int64_t d = g->dilation[i];
					lo[i] = at[i] * g->stride[i] - g->pad[i];
					from[i] = lo[i] < 0 ? (d - 1 - lo[i]) / d : 0;
					to[i] = g->in[i] <= lo[i] ? 0 : min64(g->kernel[i], (g->in[i] - lo[i] + d - 1) / d);
				}
				int64_t best = -1;
				float top = 0;
				for (int64_t a = from[0]; a < to[0]; a++)
					for (int64_t b = from[1]; b < to[1]; b++) {
						const int64_t row = (lo[0] + a * g->dilation[0]) * g->in[1] + lo[1] + b * g->dilation[1];
						for (int64_t c = from[2]; c < to[2]; c++) {
							const int64_t k = row * g->in[2] + lo[2] + c * g->dilation[2];
							if (best < 0 || x[k] > top || (x[k] != x[k] && top == top)) best = k, top = x[k];
						}
					}
				if (best >= 0) dx[best] += *dy;
			}
}

TARGET static void NAME(max_pool_grad)(const astronnx_max_pool_grad *g, int64_t first, int64_t last) {
	const int64_t in = g->in[0] * g->in[1] * g->in[2], out = g->out[0] * g->out[1] * g->out[2];
	bool tiles = g->in[0] == 1 && g->kernel[0] == 1 && g->pad[0] == 0 && g->out[0] == 1;
	for (int i = 1; i < 3; i++)
		tiles = tiles && g->kernel[i] == 2 && g->stride[i] == 2 && g->dilation[i] == 1 && g->pad[i] == 0 && 2 * g->out[i] <= g->in[i];
	for (int64_t p = first; p < last; p++) {
		if (!tiles || 2 * g->out[1] < g->in[1] || 2 * g->out[2] < g->in[2]) memset(g->dx + p * in, 0, (size_t)in * sizeof *g->dx);
		if (tiles)
			NAME(max_pool_tiles)(g, g->x + p * in, g->dy + p * out, g->dx + p * in);
		else
			NAME(max_pool_plane)(g, g->x + p * in, g->dy + p * out, g->dx + p * in);
	}
}

TARGET static void NAME(conv_extras)(const astronnx_conv_extras *a) {
	enum { VECTORS = 4 };
	for (const astronnx_conv_extra *e = a->extras; e < a->extras + a->n; e++)
		for (int64_t c = 0; c < a->ci; c += VECTORS * LANES) {
			const float *z = a->z + e->from, *w = a->w + e->tap * a->co * a->ldw + c;
			NAME(vec) sum[VECTORS] = {{0}};
			for (int64_t o = 0; o < a->co; o++, z += a->p_out, w += a->ldw)
#pragma GCC unroll 4
				for (int v = 0; v < VECTORS; v++) sum[v] += *z * NAME(get)(w + v * LANES);
			float held[VECTORS * LANES];
#pragma GCC unroll 4
			for (int v = 0; v < VECTORS; v++) NAME(put)(held + v * LANES, e->factor * sum[v]);
			const int64_t n = a->ci - c < VECTORS * LANES ? a->ci - c : VECTORS * LANES;
			for (int64_t i = 0; i < n; i++) a->dx[(c + i) * a->p_in + e->to] += held[i];
		}
}

// What the pools of n outputs, LANES at most, read, and which of each is the largest: the second of a pair, the second pair.
typedef struct {
	NAME(ints) at[4];
	NAME(ints) right, below, second;
	NAME(vec) top;
} NAME(four);

// The four of each of n outputs from p on, and where they stand.
TEMPLATE void NAME(load4)(const astronnx_pool4 *a, int64_t p, const int n, NAME(vec) x[4], NAME(ints) at[4]) {
	at[0] = at[1] = at[2] = at[3] = (NAME(ints)){0};
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++)
#pragma GCC unroll 16
		for (int l = 0; l < LANES; l++) {
			const int64_t k = 4 * (p + (l < n ? l : 0)) + i;
			at[i][l] = a->at ? a->at[k] : (int32_t)k;
		}
	if (a->at == NULL && n == LANES) {
		const float *from = a->x + 4 * p;
		const NAME(vec) v0 = NAME(get)(from), v1 = NAME(get)(from + LANES), v2 = NAME(get)(from + 2 * LANES), v3 = NAME(get)(from + 3 * LANES);
		const NAME(vec) even = EVEN(v0, v1), even2 = EVEN(v2, v3), odd = ODD(v0, v1), odd2 = ODD(v2, v3);
		x[0] = EVEN(even, even2), x[2] = ODD(even, even2), x[1] = EVEN(odd, odd2), x[3] = ODD(odd, odd2);
	} else
#pragma GCC unroll 4
		for (int i = 0; i < 4; i++)
#pragma GCC unroll 16
			for (int l = 0; l < LANES; l++) x[i][l] = a->x[at[i][l]];
}

TEMPLATE NAME(four) NAME(read4)(const astronnx_pool4 *a, int64_t p, const int n) {
	NAME(four) f;
	NAME(vec) x[4] = {{0}};
	NAME(load4)(a, p, n, x, f.at);
	f.right = NAME(above)(x[1], x[0]), f.below = NAME(above)(x[3], x[2]);
	x[0] = NAME(pick)(f.right, x[1], x[0]), x[2] = NAME(pick)(f.below, x[3], x[2]);
	f.second = NAME(above)(x[2], x[0]);
	f.top = NAME(pick)(f.second, x[2], x[0]);
	return f;
}

TEMPLATE void NAME(pool_some)(const astronnx_pool4 *a, int64_t p, const int n) {
	const NAME(four) f = NAME(read4)(a, p, n);
	if (n == LANES)
		NAME(put)(a->y + p, f.top);
	else
		for (int l = 0; l < n; l++) a->y[p + l] = f.top[l];
	if (a->indices == NULL) return;
	const NAME(ints) first = (f.at[1] & f.right) | (f.at[0] & ~f.right), last = (f.at[3] & f.below) | (f.at[2] & ~f.below);
	const NAME(ints) at = (last & f.second) | (first & ~f.second);
	for (int l = 0; l < n; l++) a->indices[p + l] = at[l];
}

TEMPLATE void NAME(pool_grad_some)(const astronnx_pool4 *a, int64_t p, const int n) {
	const NAME(four) f = NAME(read4)(a, p, n);
	NAME(vec) d = {0};
	if (n == LANES)
		d = NAME(get)(a->dy + p);
	else
		for (int l = 0; l < n; l++) d[l] = a->dy[p + l];
	NAME(ints) on = (NAME(ints))d;
	if (a->relu) on &= f.top > 0;
	const NAME(vec) to[4] = {(NAME(vec))(on & ~f.second & ~f.right), (NAME(vec))(on & ~f.second & f.right),
	                         (NAME(vec))(on & f.second & ~f.below), (NAME(vec))(on & f.second & f.below)};
	if (a->at == NULL && n == LANES) {
		float *dx = a->dx + 4 * p;
		const NAME(vec) even = FRONT(to[0], to[2]), even2 = BACK(to[0], to[2]), odd = FRONT(to[1], to[3]), odd2 = BACK(to[1], to[3]);
		NAME(put)(dx, FRONT(even, odd)), NAME(put)(dx + LANES, BACK(even, odd));
		NAME(put)(dx + 2 * LANES, FRONT(even2, odd2)), NAME(put)(dx + 3 * LANES, BACK(even2, odd2));
		return;
	}
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++)
		for (int l = 0; l < n; l++) a->dx[f.at[i][l]] = to[i][l];
}

TEMPLATE void NAME(sum_some)(const astronnx_pool4 *a, int64_t p, const int n) {
	NAME(vec) x[4] = {{0}};
	NAME(ints) at[4];
	NAME(load4)(a, p, n, x, at);
	NAME(wide) sum = {0};
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++) sum += __builtin_convertvector(x[i], NAME(wide));
	const NAME(vec) y = __builtin_convertvector(sum * a->scale, NAME(vec));
	if (n == LANES)
		NAME(put)(a->y + p, y);
	else
		for (int l = 0; l < n; l++) a->y[p + l] = y[l];
}

TARGET static void NAME(sum4)(const astronnx_pool4 *a, int64_t first, int64_t last) {
	for (; first + LANES <= last; first += LANES) NAME(sum_some)(a, first, LANES);
	if (first < last) NAME(sum_some)(a, first, (int)(last - first));
}

TARGET static void NAME(sum4_grad)(const astronnx_sum4_grad *a, int64_t first, int64_t last) {
	int64_t p = first;
	for (; p + LANES <= last; p += LANES) {
		NAME(vec) d = {0};
#pragma GCC unroll 16
		for (int l = 0; l < LANES; l++) d[l] = a->dy[a->at ? a->at[p + l] : (p + l) / 4];
		d *= a->scale;
		if (a->relu) d = (NAME(vec))((NAME(ints))d & (NAME(get)(a->x + p) > 0));
		NAME(put)(a->dx + p, d);
	}
	for (; p < last; p++) a->dx[p] = !a->relu || a->x[p] > 0 ? a->scale * a->dy[a->at ? a->at[p] : p / 4] : 0;
}

TARGET static void NAME(pool4)(const astronnx_pool4 *a, int64_t first, int64_t last) {
	for (; first + LANES <= last; first += LANES) NAME(pool_some)(a, first, LANES);
	if (first < last) NAME(pool_some)(a, first, (int)(last - first));
}

TARGET static void NAME(pool4_grad)(const astronnx_pool4 *a, int64_t first, int64_t last) {
	for (; first + LANES <= last; first += LANES) NAME(pool_grad_some)(a, first, LANES);
	if (first < last) NAME(pool_grad_some)(a, first, (int)(last - first));
}

static const astronnx_train_api NAME(train) = {
    .version = ASTRONNX_TRAIN_VERSION,
    .bytes = sizeof(astronnx_train_api),
    .adam = NAME(adam),
    .max_pool_grad = NAME(max_pool_grad),
    .conv_extras = NAME(conv_extras),
    .pool4 = NAME(pool4),
    .pool4_grad = NAME(pool4_grad),
    .sum4 = NAME(sum4),
    .sum4_grad = NAME(sum4_grad),
    .batch_norm_grad = NAME(batch_norm_grad),
};

#undef EVEN
#undef ODD
#undef FRONT
#undef BACK
#undef LANES
#undef TEMPLATE
#undef ROOT
#undef BYTES
#undef TARGET
#undef NAME
