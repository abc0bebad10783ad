//go:build cgo && !purego && (linux || darwin)

#define _GNU_SOURCE
#include "bridge.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __linux__
#include <link.h>
#endif
#ifdef __GLIBC__
#include <malloc.h>
#endif

#define TRY(call)                        \
	do {                             \
		OrtStatus *s_ = (call);  \
		if (s_) return s_;       \
	} while (0)

void *const *astronnx_ort;
static OrtMemoryInfo *cpu;
static OrtAllocator *allocator;

// ---- library

void *ax_open(const char *path, int load, char **why) {
	void *h = dlopen(path, RTLD_LAZY | RTLD_LOCAL | (load ? 0 : RTLD_NOLOAD));
	if (!h) {
		const char *e = dlerror();
		*why = strdup(e ? e : "not loaded");
	}
	return h;
}

void ax_close(void *handle) { dlclose(handle); }

OrtApiBase *ax_base(void *handle) {
	OrtApiBase *(*get)(void) = (OrtApiBase * (*)(void)) dlsym(handle, "OrtGetApiBase");
	return get ? get() : NULL;
}

const char *ax_version(OrtApiBase *base) { return base->GetVersionString ? base->GetVersionString() : NULL; }

int ax_has_api(OrtApiBase *base) { return base->GetApi(ORT_API_NEEDED) != NULL; }

int ax_where(void *handle, char *path, size_t size) {
	Dl_info info;
	void *f = dlsym(handle, "OrtGetApiBase");
	if (!f || !dladdr(f, &info) || !info.dli_fname || strlen(info.dli_fname) >= size) return 0;
	strcpy(path, info.dli_fname);
	return 1;
}

int ax_bind(OrtApiBase *base, uint32_t api) {
	const OrtApi *table = base->GetApi(api);
	if (!table) return 0;
	astronnx_ort = (void *const *)table;
	OrtStatus *s = ORT(CreateCpuMemoryInfo)(1 /* arena */, 0, &cpu);
	if (!s) s = ORT(GetAllocatorWithDefaultOptions)(&allocator);
	if (s) {
		ORT(ReleaseStatus)(s);
		return 0;
	}
	return 1;
}

#ifdef __linux__
struct found {
	char *path;
	size_t size;
};

static int match(struct dl_phdr_info *info, size_t n, void *user) {
	(void)n;
	struct found *f = user;
	const char *base = info->dlpi_name ? strrchr(info->dlpi_name, '/') : NULL;
	base = base ? base + 1 : info->dlpi_name;
	// The providers' own libraries are called libonnxruntime_providers_*.
	if (!base || strncmp(base, "libonnxruntime.", 15) != 0 || strlen(info->dlpi_name) >= f->size) return 0;
	strcpy(f->path, info->dlpi_name);
	return 1;
}

int ax_resident(char *path, size_t size) {
	struct found f = {path, size};
	return dl_iterate_phdr(match, &f);
}
#else
int ax_resident(char *path, size_t size) {
	(void)path, (void)size;
	return 0;
}
#endif

void ax_trim(void) {
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

void ax_large_blocks(size_t bytes) {
#ifdef __GLIBC__
	mallopt(M_MMAP_THRESHOLD, (int)bytes);
#else
	(void)bytes;
#endif
}

// The Go runtime needs its handlers, with SA_ONSTACK; CUDA and some providers replace them while they start.
void *ax_signals_save(void) {
	struct sigaction *a = calloc(NSIG, sizeof *a);
	for (int i = 1; a && i < NSIG; i++)
		if (sigaction(i, NULL, &a[i])) a[i].sa_handler = SIG_ERR;
	return a;
}

void ax_signals_restore(void *saved) {
	struct sigaction *a = saved, now;
	for (int i = 1; a && i < NSIG; i++)
		if (a[i].sa_handler != SIG_ERR && !sigaction(i, NULL, &now) &&
		    (now.sa_handler != a[i].sa_handler || now.sa_flags != a[i].sa_flags))
			sigaction(i, &a[i], NULL);
	free(a);
}

// ---- status

int ax_code(OrtStatus *s) { return ORT(GetErrorCode)(s); }
const char *ax_text(OrtStatus *s) { return ORT(GetErrorMessage)(s); }
void ax_release_status(OrtStatus *s) { ORT(ReleaseStatus)(s); }

// ---- runs

static OrtStatus *shape(const OrtValue *v, int *type, int64_t *dims, size_t capacity, size_t *rank) {
	OrtTensorTypeAndShapeInfo *info;
	TRY(ORT(GetTensorTypeAndShape)(v, &info));
	OrtStatus *s = ORT(GetTensorElementType)(info, type);
	if (!s) s = ORT(GetDimensionsCount)(info, rank);
	if (!s && *rank <= capacity) s = ORT(GetDimensions)(info, dims, *rank);
	ORT(ReleaseTensorTypeAndShapeInfo)(info);
	return s;
}

static OrtStatus *describe(ax_arg *a) {
	int kind, type, has;
	a->type = 0;
	// An absent optional has no type: asking for it ends the process.
	TRY(ORT(HasValue)(a->value, &has));
	if (!has) return NULL;
	TRY(ORT(GetValueType)(a->value, &kind));
	if (kind != 1) return NULL;
	TRY(shape(a->value, &type, a->dims, ax_max_rank, &a->rank));
	if (type == 8 || a->rank > ax_max_rank) return NULL; // strings and absurd ranks take the slow way
	a->type = type;
	return ORT(GetTensorMutableData)(a->value, &a->from);
}

static OrtStatus *open_args(ax_arg *a, size_t n) {
	for (size_t i = 0; i < n; i++)
		if (a[i].origin == ax_memory_of_caller) {
			OrtStatus *s = ax_tensor((void *)a[i].data, a[i].bytes, a[i].dims, a[i].rank, a[i].type, &a[i].value);
			if (s) return s;
		}
	return NULL;
}

static void close_args(ax_arg *a, size_t n) {
	for (size_t i = 0; i < n; i++)
		if (a[i].origin == ax_memory_of_caller && a[i].value) {
			ORT(ReleaseValue)(a[i].value);
			a[i].value = NULL;
		}
}

OrtStatus *ax_run(ax_call *c) {
	OrtStatus *s = open_args(c->in, c->nin);
	if (!s) s = open_args(c->out, c->nout);
	if (!s) {
		for (size_t i = 0; i < c->nin; i++) c->in_values[i] = c->in[i].value;
		for (size_t i = 0; i < c->nout; i++) c->out_values[i] = c->out[i].value;
		s = ORT(Run)(c->session, c->options, c->in_names, c->in_values, c->nin, c->out_names, c->nout, c->out_values);
	}
	for (size_t i = 0; !s && i < c->nout; i++)
		if (!c->out[i].value) {
			c->out[i].value = c->out_values[i];
			s = describe(&c->out[i]);
		}
	close_args(c->in, c->nin);
	close_args(c->out, c->nout);
	return s;
}

void ax_run_release(ax_call *c) {
	for (size_t i = 0; i < c->nout; i++)
		if (c->out[i].origin == ax_engine && c->out[i].value) {
			ORT(ReleaseValue)(c->out[i].value);
			c->out[i].value = NULL;
		}
}

OrtStatus *ax_run_bound(OrtSession *s, OrtRunOptions *o, OrtIoBinding *b, int sync) {
	if (sync) TRY(ORT(SynchronizeBoundInputs)(b));
	TRY(ORT(RunWithBinding)(s, o, b));
	return sync ? ORT(SynchronizeBoundOutputs)(b) : NULL;
}

static int64_t now_ns(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

OrtStatus *ax_bench_bound(OrtSession *s, OrtIoBinding *b, long n, int64_t *ns) {
	int64_t start = now_ns();
	for (long i = 0; i < n; i++) TRY(ORT(RunWithBinding)(s, NULL, b));
	*ns = now_ns() - start;
	return NULL;
}

// ---- values

OrtStatus *ax_tensor(void *data, size_t bytes, const int64_t *dims, size_t rank, int type, OrtValue **out) {
	static int64_t nothing;
	if (!bytes) data = &nothing; // an empty tensor has no address in Go
	return ORT(CreateTensorWithDataAsOrtValue)(cpu, data, bytes, rank ? dims : &nothing, rank, type, out);
}

OrtStatus *ax_string_tensor(const int64_t *dims, size_t rank, OrtValue **out) {
	static int64_t nothing;
	return ORT(CreateTensorAsOrtValue)(allocator, rank ? dims : &nothing, rank, 8, out);
}

OrtStatus *ax_string_set(OrtValue *v, size_t i, const char *s, size_t n) {
	char *buf;
	TRY(ORT(GetResizedStringTensorElementBuffer)(v, i, n, &buf));
	if (n) memcpy(buf, s, n);
	return NULL;
}

OrtStatus *ax_string_bytes(const OrtValue *v, size_t *bytes) { return ORT(GetStringTensorDataLength)(v, bytes); }

OrtStatus *ax_string_content(const OrtValue *v, void *buf, size_t bytes, size_t *offsets, size_t n) {
	return ORT(GetStringTensorContent)(v, buf, bytes, offsets, n);
}

OrtStatus *ax_value_kind(const OrtValue *v, int *kind, int *has) {
	TRY(ORT(HasValue)(v, has));
	*kind = 0;
	return *has ? ORT(GetValueType)(v, kind) : NULL;
}

OrtStatus *ax_value_shape(const OrtValue *v, int *type, int64_t *dims, size_t capacity, size_t *rank) {
	return shape(v, type, dims, capacity, rank);
}

OrtStatus *ax_value_data(OrtValue *v, void **data) { return ORT(GetTensorMutableData)(v, data); }
OrtStatus *ax_value_count(const OrtValue *v, size_t *n) { return ORT(GetValueCount)(v, n); }
OrtStatus *ax_value_at(const OrtValue *v, int i, OrtValue **out) { return ORT(GetValue)(v, i, allocator, out); }

OrtStatus *ax_value_make(OrtValue **elems, size_t n, int kind, OrtValue **out) {
	return ORT(CreateValue)((const OrtValue *const *)elems, n, kind, out);
}

void ax_value_release(OrtValue *v) { ORT(ReleaseValue)(v); }

// ---- sessions

OrtStatus *ax_port(OrtSession *s, int output, size_t i, int *type, int64_t *dims, size_t capacity, size_t *rank, const char **names,
                   OrtTypeInfo **keep) {
	const OrtTensorTypeAndShapeInfo *info = NULL;
	*type = 0;
	TRY(output ? ORT(SessionGetOutputTypeInfo)(s, i, keep) : ORT(SessionGetInputTypeInfo)(s, i, keep));
	TRY(ORT(CastTypeInfoToTensorInfo)(*keep, &info));
	if (!info) return NULL;
	TRY(ORT(GetTensorElementType)(info, type));
	TRY(ORT(GetDimensionsCount)(info, rank));
	if (*rank > capacity) {
		*type = 0;
		return NULL;
	}
	TRY(ORT(GetDimensions)(info, dims, *rank));
	return ORT(GetSymbolicDimensions)(info, names, *rank);
}

void ax_port_release(OrtTypeInfo *keep) {
	if (keep) ORT(ReleaseTypeInfo)(keep);
}

OrtStatus *ax_options(OrtRunOptions **out) { return ORT(CreateRunOptions)(out); }
OrtStatus *ax_options_config(OrtRunOptions *o, const char *key, const char *value) { return ORT(AddRunConfigEntry)(o, key, value); }
void ax_options_release(OrtRunOptions *o) { ORT(ReleaseRunOptions)(o); }
OrtStatus *ax_terminate(OrtRunOptions *o, int on) { return on ? ORT(RunOptionsSetTerminate)(o) : ORT(RunOptionsUnsetTerminate)(o); }

OrtStatus *ax_end_profiling(OrtSession *s, char **file) {
	char *name;
	TRY(ORT(SessionEndProfiling)(s, allocator, &name));
	*file = strdup(name);
	return ORT(AllocatorFree)(allocator, name);
}

OrtStatus *ax_providers(char ***names, int *n) { return ORT(GetAvailableProviders)(names, n); }

void ax_providers_release(char **names, int n) {
	OrtStatus *s = ORT(ReleaseAvailableProviders)(names, n);
	if (s) ORT(ReleaseStatus)(s);
}

OrtStatus *ax_fix_dimension(void *session_options, const char *name, int64_t size) {
	return ORT(AddFreeDimensionOverrideByName)(session_options, name, size);
}

OrtStatus *ax_deterministic(void *session_options) { return ORT(SetDeterministicCompute)(session_options, 1); }

OrtStatus *ax_initializers(void *session_options, const char **names, OrtValue **values, size_t n) {
	return ORT(AddExternalInitializers)(session_options, names, (const OrtValue *const *)values, n);
}

OrtStatus *ax_placement_text(OrtSession *s, char **text) {
	const OrtEpAssignedSubgraph *const *parts;
	size_t n, size = 0, room = 1 << 12;
	TRY(ORT(Session_GetEpGraphAssignmentInfo)(s, &parts, &n));
	char *t = malloc(room);
	OrtStatus *err = t ? NULL : ORT(CreateStatus)(1, "out of memory");
	for (size_t i = 0; !err && i < n; i++) {
		const OrtEpAssignedNode *const *nodes;
		const char *provider, *op;
		size_t m = 0;
		if ((err = ORT(EpAssignedSubgraph_GetEpName)(parts[i], &provider))) break;
		if ((err = ORT(EpAssignedSubgraph_GetNodes)(parts[i], &nodes, &m))) break;
		for (size_t j = 0; !err && j < m; j++) {
			if ((err = ORT(EpAssignedNode_GetOperatorType)(nodes[j], &op))) break;
			size_t p = strlen(provider), o = strlen(op);
			if (size + p + o + 3 > room) {
				room = 2 * room + p + o;
				char *grown = realloc(t, room);
				if (!grown) {
					err = ORT(CreateStatus)(1, "out of memory");
					break;
				}
				t = grown;
			}
			memcpy(t + size, provider, p);
			t[size + p] = '\t';
			memcpy(t + size + p + 1, op, o);
			size += p + o + 2;
			t[size - 1] = '\n';
		}
	}
	if (err) {
		free(t);
		return err;
	}
	t[size] = 0;
	*text = t;
	return NULL;
}

// ---- bindings

OrtStatus *ax_memory(const char *name, int device, OrtMemoryInfo **out) {
	return ORT(CreateMemoryInfo)(name, 0 /* device allocator */, device, 0, out);
}

void ax_memory_release(OrtMemoryInfo *m) { ORT(ReleaseMemoryInfo)(m); }
OrtStatus *ax_binding(OrtSession *s, OrtIoBinding **out) { return ORT(CreateIoBinding)(s, out); }
void ax_binding_release(OrtIoBinding *b) { ORT(ReleaseIoBinding)(b); }
OrtStatus *ax_bind_input(OrtIoBinding *b, const char *name, OrtValue *v) { return ORT(BindInput)(b, name, v); }

OrtStatus *ax_bind_output(OrtIoBinding *b, const char *name, OrtValue *v, OrtMemoryInfo *m) {
	return v ? ORT(BindOutput)(b, name, v) : ORT(BindOutputToDevice)(b, name, m ? m : cpu);
}

void ax_clear_inputs(OrtIoBinding *b) { ORT(ClearBoundInputs)(b); }

OrtStatus *ax_bound_outputs(OrtIoBinding *b, OrtValue **out, size_t n) {
	OrtValue **values;
	size_t m;
	TRY(ORT(GetBoundOutputValues)(b, allocator, &values, &m));
	for (size_t i = 0; i < m; i++)
		if (i < n)
			out[i] = values[i];
		else
			ORT(ReleaseValue)(values[i]);
	return ORT(AllocatorFree)(allocator, values);
}
