//go:build cgo && !purego

#include "internal.h"

#if defined(_WIN32)
#include <malloc.h>
#endif
#include <pthread.h>

enum { LINE = 64 };

void *conv_alloc(int64_t n, size_t size) {
	size_t bytes;
	void *p = NULL;
	if (n < 0 || __builtin_mul_overflow((size_t)n, size, &bytes) || bytes > SIZE_MAX - 2 * LINE) return NULL;
#if defined(_WIN32)
	p = _aligned_malloc(bytes + LINE, LINE);
#else
	if (posix_memalign(&p, LINE, bytes + LINE) != 0) return NULL;
#endif
	return p;
}

void conv_free(void *p) {
#if defined(_WIN32)
	_aligned_free(p);
#else
	free(p);
#endif
}

typedef struct {
	size_t bytes;
	void *memory;
} scratch;

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool have_key;

static void release(void *p) {
	scratch *s = p;
	conv_free(s->memory);
	free(s);
}

static void make_key(void) { have_key = pthread_key_create(&key, release) == 0; }

void *conv_scratch(size_t bytes) {
	pthread_once(&once, make_key);
	if (!have_key) return NULL;
	scratch *s = pthread_getspecific(key);
	if (s == NULL) {
		s = calloc(1, sizeof *s);
		if (s == NULL) return NULL;
		if (pthread_setspecific(key, s) != 0) {
			free(s);
			return NULL;
		}
	}
	if (s->bytes < bytes) {
		conv_free(s->memory);
		s->bytes = 0;
		s->memory = bytes > INT64_MAX ? NULL : conv_alloc((int64_t)bytes, 1);
		if (s->memory == NULL) return NULL;
		s->bytes = bytes;
	}
	return s->memory;
}
