//go:build cgo && !purego && (linux || darwin)

// What the Go side calls: one C call per run, and plain values otherwise. Every function returns a status of ONNX Runtime, NULL
// for success, unless it says otherwise.
#ifndef ASTRONNX_BRIDGE_H
#define ASTRONNX_BRIDGE_H

#include "ortapi.h"

enum { ax_max_rank = 12 };

// Where the value of an argument comes from, and so who releases it.
enum {
	ax_engine = 0, // an output that ax_run leaves, for ax_run_release
	ax_memory_of_caller = 1, // made and released within ax_run
	ax_caller = 2,
};

// A tensor that crosses: over memory of the caller, or made by ONNX Runtime.
typedef struct {
	uintptr_t data; // caller's memory, pinned; an integer, so that Go's collector never sees a stale pointer in C memory
	size_t bytes;
	void *from; // where the tensor lies that the engine allocated
	int64_t dims[ax_max_rank];
	size_t rank;
	int type;        // element type; after a run 0 where the value is no plain tensor
	OrtValue *value; // given by the caller, or left by a run that allocated
	int origin;      // of value
} ax_arg;

// A run: arrays in C memory that a runner keeps between calls.
typedef struct {
	OrtSession *session;
	OrtRunOptions *options;
	size_t nin, nout;
	ax_arg *in, *out;
	const char **in_names, **out_names;
	const OrtValue **in_values;
	OrtValue **out_values;
} ax_call;

// Library. ax_open returns a handle or NULL and a text that the caller frees; load 0 finds only what the process has mapped.
void *ax_open(const char *path, int load, char **why);
void ax_close(void *handle);
OrtApiBase *ax_base(void *handle); // NULL: no ONNX Runtime
const char *ax_version(OrtApiBase *base);
int ax_has_api(OrtApiBase *base);
int ax_where(void *handle, char *path, size_t size); // 1: the file that the library was mapped from
int ax_bind(OrtApiBase *base, uint32_t api); // 0: the library has no such API
int ax_resident(char *path, size_t size);    // 1: a libonnxruntime is mapped already; its path
void ax_trim(void);                          // returns freed memory to the system
void ax_large_blocks(size_t bytes);          // from this size on blocks are the system's own, gone when they are freed
void *ax_signals_save(void);
void ax_signals_restore(void *saved);

// Status. The text belongs to the status.
int ax_code(OrtStatus *s);
const char *ax_text(OrtStatus *s);
void ax_release_status(OrtStatus *s);

OrtStatus *ax_run(ax_call *c);
void ax_run_release(ax_call *c); // releases the values that a run left

OrtStatus *ax_run_bound(OrtSession *s, OrtRunOptions *o, OrtIoBinding *b, int sync);
OrtStatus *ax_bench_bound(OrtSession *s, OrtIoBinding *b, long n, int64_t *ns); // n runs as a program in C makes them

// Values.
OrtStatus *ax_tensor(void *data, size_t bytes, const int64_t *dims, size_t rank, int type, OrtValue **out);
OrtStatus *ax_string_tensor(const int64_t *dims, size_t rank, OrtValue **out);
OrtStatus *ax_string_set(OrtValue *v, size_t i, const char *s, size_t n);
OrtStatus *ax_string_bytes(const OrtValue *v, size_t *bytes);
OrtStatus *ax_string_content(const OrtValue *v, void *buf, size_t bytes, size_t *offsets, size_t n);
OrtStatus *ax_value_kind(const OrtValue *v, int *kind, int *has);
OrtStatus *ax_value_shape(const OrtValue *v, int *type, int64_t *dims, size_t capacity, size_t *rank);
OrtStatus *ax_value_data(OrtValue *v, void **data);
OrtStatus *ax_value_count(const OrtValue *v, size_t *n);
OrtStatus *ax_value_at(const OrtValue *v, int i, OrtValue **out);
OrtStatus *ax_value_make(OrtValue **elems, size_t n, int kind, OrtValue **out);
void ax_value_release(OrtValue *v);

// Sessions.
OrtStatus *ax_port(OrtSession *s, int output, size_t i, int *type, int64_t *dims, size_t capacity, size_t *rank, const char **names,
                   OrtTypeInfo **keep);
void ax_port_release(OrtTypeInfo *keep);
OrtStatus *ax_options(OrtRunOptions **out);
OrtStatus *ax_options_config(OrtRunOptions *o, const char *key, const char *value);
void ax_options_release(OrtRunOptions *o);
OrtStatus *ax_terminate(OrtRunOptions *o, int on);
OrtStatus *ax_end_profiling(OrtSession *s, char **file); // the caller frees file
OrtStatus *ax_providers(char ***names, int *n);
void ax_providers_release(char **names, int n);
OrtStatus *ax_fix_dimension(void *session_options, const char *name, int64_t size);
OrtStatus *ax_deterministic(void *session_options);
OrtStatus *ax_initializers(void *session_options, const char **names, OrtValue **values, size_t n);
OrtStatus *ax_placement_text(OrtSession *s, char **text); // lines "provider\toperator\n"; the caller frees

// Bindings.
OrtStatus *ax_memory(const char *name, int device, OrtMemoryInfo **out);
void ax_memory_release(OrtMemoryInfo *m);
OrtStatus *ax_binding(OrtSession *s, OrtIoBinding **out);
void ax_binding_release(OrtIoBinding *b);
OrtStatus *ax_bind_input(OrtIoBinding *b, const char *name, OrtValue *v);
OrtStatus *ax_bind_output(OrtIoBinding *b, const char *name, OrtValue *v, OrtMemoryInfo *m);
void ax_clear_inputs(OrtIoBinding *b);
OrtStatus *ax_bound_outputs(OrtIoBinding *b, OrtValue **out, size_t n);

#endif
