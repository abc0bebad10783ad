//go:build cgo && !purego && (linux || darwin)

// The functions of astronnx.h. They are C so that a forked child, in which the threads of the Go runtime are gone and a call into
// it would never return, is told so here.

#include "_cgo_export.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static int forked;

static void note_fork(void) { forked = 1; }

__attribute__((constructor)) static void watch_forks(void) { pthread_atfork(NULL, NULL, note_fork); }

static const char refusal[] = "this process was forked after libastronnx was loaded, and cannot use it";

static astronnx_status refuse(astronnx_error *e) {
	if (e) {
		memset(e, 0, sizeof *e);
		e->status = ASTRONNX_FORKED;
		snprintf(e->message, sizeof e->message, "%s", refusal);
		snprintf(e->hint, sizeof e->hint, "fork before loading it, or start a new program (in Python: the spawn method)");
	}
	return ASTRONNX_FORKED;
}

#define CALL(go, ...) (forked ? refuse(error) : (astronnx_status)go(__VA_ARGS__, error))

// A handle is a number in the Go side's table, never an address.
static uintptr_t number(const void *handle) { return (uintptr_t)handle; }

// Sets *to to a new handle, after success.
#define OPEN(to, go, ...)                                                           \
	do {                                                                        \
		uintptr_t handle = 0;                                               \
		astronnx_status s = CALL(go, __VA_ARGS__, to != NULL, &handle);     \
		if (to) *to = (void *)handle;                              \
		return s;                                                           \
	} while (0)

astronnx_status astronnx_model_open(const char *path, const astronnx_options *options, astronnx_model **model, astronnx_error *error) {
	OPEN(model, goModelOpen, (char *)path, (astronnx_options *)options);
}

astronnx_status astronnx_model_open_bytes(const void *data, size_t bytes, const astronnx_options *options, astronnx_model **model,
                                          astronnx_error *error) {
	OPEN(model, goModelOpenBytes, (void *)data, bytes, (astronnx_options *)options);
}

astronnx_status astronnx_model_info_of(astronnx_model *model, const astronnx_model_info **info, astronnx_error *error) {
	return CALL(goModelInfo, number(model), (astronnx_model_info **)info);
}

astronnx_status astronnx_model_run(astronnx_model *model, const astronnx_tensor *in, size_t n_in, astronnx_tensor *out, size_t n_out,
                                   astronnx_results **results, astronnx_error *error) {
	OPEN(results, goModelRun, number(model), (astronnx_tensor *)in, n_in, out, n_out);
}

astronnx_status astronnx_model_cancel(astronnx_model *model, astronnx_error *error) { return CALL(goModelCancel, number(model)); }
astronnx_status astronnx_model_close(astronnx_model *model, astronnx_error *error) { return CALL(goModelClose, number(model)); }
astronnx_status astronnx_results_close(astronnx_results *results, astronnx_error *error) { return CALL(goResultsClose, number(results)); }
astronnx_status astronnx_map_close(astronnx_map *map, astronnx_error *error) { return CALL(goMapClose, number(map)); }

astronnx_status astronnx_fit_open(const char *path, const astronnx_fit_options *options, astronnx_fit **fit, astronnx_error *error) {
	OPEN(fit, goFitOpen, (char *)path, (astronnx_fit_options *)options);
}

astronnx_status astronnx_fit_open_bytes(const void *data, size_t bytes, const astronnx_fit_options *options, astronnx_fit **fit,
                                        astronnx_error *error) {
	OPEN(fit, goFitOpenBytes, (void *)data, bytes, (astronnx_fit_options *)options);
}

astronnx_status astronnx_fit_info_of(astronnx_fit *fit, const astronnx_fit_info **info, astronnx_error *error) {
	return CALL(goFitInfo, number(fit), (astronnx_fit_info **)info);
}

astronnx_status astronnx_fit_run(astronnx_fit *fit, const astronnx_data *data, const astronnx_fit_run_options *options,
                                 const astronnx_report **report, astronnx_error *error) {
	astronnx_report *made = NULL;
	astronnx_status s = CALL(goFitRun, number(fit), (astronnx_data *)data, (astronnx_fit_run_options *)options, &made);
	if (report) *report = made;
	return s;
}

astronnx_status astronnx_fit_export(astronnx_fit *fit, const char *path, int32_t last, astronnx_error *error) {
	return CALL(goFitExport, number(fit), (char *)path, last);
}

astronnx_status astronnx_fit_cancel(astronnx_fit *fit, astronnx_error *error) { return CALL(goFitCancel, number(fit)); }
astronnx_status astronnx_fit_close(astronnx_fit *fit, astronnx_error *error) { return CALL(goFitClose, number(fit)); }

// Go cannot call a C function by its address.
int32_t callRead(astronnx_read read, void *user, int64_t *index, size_t n, astronnx_tensor *batch, size_t n_fields) {
	return read(user, index, n, batch, n_fields);
}

int32_t callTell(astronnx_tell tell, void *user, astronnx_progress *progress) { return tell(user, progress); }

astronnx_status astronnx_map_read(const char *path, const char *const *columns, size_t n_columns, int32_t order, int32_t hdu,
                                  astronnx_map **map, const astronnx_map_info **info, astronnx_error *error) {
	OPEN(map, goMapRead, (char *)path, (char **)columns, n_columns, order, hdu, (astronnx_map_info **)info);
}

astronnx_status astronnx_ring2nest(int64_t nside, size_t n, const int64_t *ring, int64_t *nest, astronnx_error *error) {
	return CALL(goConvert, nside, ASTRONNX_RING, ASTRONNX_NESTED, n, (int64_t *)ring, nest);
}

astronnx_status astronnx_nest2ring(int64_t nside, size_t n, const int64_t *nest, int64_t *ring, astronnx_error *error) {
	return CALL(goConvert, nside, ASTRONNX_NESTED, ASTRONNX_RING, n, (int64_t *)nest, ring);
}

astronnx_status astronnx_ang2pix(int64_t nside, astronnx_order order, size_t n, const double *theta, const double *phi, int64_t *pix,
                                 astronnx_error *error) {
	return CALL(goAng2Pix, nside, order, n, (double *)theta, (double *)phi, pix);
}

astronnx_status astronnx_pix2ang(int64_t nside, astronnx_order order, size_t n, const int64_t *pix, double *theta, double *phi,
                                 astronnx_error *error) {
	return CALL(goPix2Ang, nside, order, n, (int64_t *)pix, theta, phi);
}

astronnx_status astronnx_neighbours(int64_t nside, astronnx_order order, size_t n, const int64_t *pix, int64_t *neighbours,
                                    astronnx_error *error) {
	return CALL(goNeighbours, nside, order, n, (int64_t *)pix, neighbours);
}

const char *astronnx_version(void) { return forked ? refusal : goVersion(); }

// As ONNX Runtime's header has it; the first entry of its table makes a status.
struct OrtApiBase {
	const void *(*GetApi)(uint32_t version);
	const char *(*GetVersionString)(void);
};
typedef struct OrtStatus *(*CreateStatus)(int code, const char *text);

struct OrtStatus *RegisterCustomOps(struct OrtSessionOptions *options, const struct OrtApiBase *api) {
	if (!api) return NULL; // no ONNX Runtime calls, and there is nobody to make a status
	if (!forked) return goRegisterOps(options, (void *)api);
	return (*(const CreateStatus *)api->GetApi(1))(1 /* fail */, refusal);
}
