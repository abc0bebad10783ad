// The passes of train.h, a template: included once for every path, with
//   BYTES      bytes of a vector
//   ROOT(v)    the square roots of a vector
//   TARGET     the function attribute that allows the instructions
//   NAME(x)    the name of x for this path
#define LANES ((int)(BYTES / sizeof(float)))

#define TEMPLATE static inline __attribute__((always_inline)) TARGET

typedef float NAME(vec) __attribute__((vector_size(BYTES)));

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

static const astronnx_train_api NAME(train) = {
    .version = ASTRONNX_TRAIN_VERSION,
    .bytes = sizeof(astronnx_train_api),
    .adam = NAME(adam),
};

#undef LANES
#undef TEMPLATE
#undef ROOT
#undef BYTES
#undef TARGET
#undef NAME
