/* astronnx: neural networks on the sky, from C.
 *
 *     astronnx_model *model;
 *     astronnx_error error;
 *     if (astronnx_model_open("tau.onnx", NULL, &model, &error)) fail(error.message);
 *
 * Every call returns a status, ASTRONNX_OK being 0, and describes a failure in the caller's astronnx_error, which may be NULL. No
 * failure of a call, a file or a handle ends the process: NULL, a handle that was closed or is of another kind, a wrong name, type
 * or size give a status.
 *
 * Threads: every function may be called from any thread at any time; a model may run on many at once. What a handle owns is
 * readable until the handle is closed. Processes: a child that was forked after the library was loaded cannot use it and gets
 * ASTRONNX_FORKED; fork before loading, or start a new program.
 *
 * Angles are in radians: theta is the colatitude, 0 at the north pole, phi the longitude. nside is a power of two up to 2^29.
 */
#ifndef ASTRONNX_H
#define ASTRONNX_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum astronnx_status {
	ASTRONNX_OK = 0,
	ASTRONNX_INVALID = 1,        /* malformed or inconsistent data: a model, a map */
	ASTRONNX_UNSUPPORTED_OP = 2, /* operators that the engine cannot run */
	ASTRONNX_LIMIT = 3,          /* a size, depth or memory budget was exceeded */
	ASTRONNX_UNSAFE = 4,         /* a file reaches outside its folder */
	ASTRONNX_ENGINE = 5,         /* the engine failed */
	ASTRONNX_UNAVAILABLE = 6,    /* an engine, library, provider or device is missing or too old */
	ASTRONNX_INPUT = 7,          /* wrong name, element type, shape or value of an argument; no such file */
	ASTRONNX_OUTPUT = 8,         /* an output that does not exist or cannot be written */
	ASTRONNX_CANCELED = 9,       /* astronnx_model_cancel or astronnx_fit_cancel ended the run */
	ASTRONNX_CLOSED = 10,        /* the handle was closed before */
	ASTRONNX_HANDLE = 11,        /* NULL, or no handle of this kind */
	ASTRONNX_FORKED = 12,        /* this process was forked after the library was loaded */
	ASTRONNX_INTERNAL = 13,      /* a fault of the library */
	ASTRONNX_CALLBACK = 14       /* a data callback ended the run: the report has what it returned */
} astronnx_status;

/* What went wrong. Texts end with a 0 and are cut where they do not fit. */
typedef struct astronnx_error {
	int32_t status;
	char message[2048]; /* all of it, for people */
	char op[128];       /* the operator and node it happened in; empty where there is none */
	char node[256];
	char hint[512];     /* what to do; empty where there is nothing to say */
} astronnx_error;

/* Element types, numbered as in ONNX, and two that are ours, for values of values: astronnx_tensor says what their data is. Those of 4
 * and 2 bits are packed, the first element in the low bits, a whole number of bytes in all. Maps are not carried. */
typedef enum astronnx_dtype {
	ASTRONNX_FLOAT32 = 1,
	ASTRONNX_UINT8 = 2,
	ASTRONNX_INT8 = 3,
	ASTRONNX_UINT16 = 4,
	ASTRONNX_INT16 = 5,
	ASTRONNX_INT32 = 6,
	ASTRONNX_INT64 = 7,
	ASTRONNX_STRING = 8,
	ASTRONNX_BOOL = 9,
	ASTRONNX_FLOAT16 = 10,
	ASTRONNX_FLOAT64 = 11,
	ASTRONNX_UINT32 = 12,
	ASTRONNX_UINT64 = 13,
	ASTRONNX_COMPLEX64 = 14,
	ASTRONNX_COMPLEX128 = 15,
	ASTRONNX_BFLOAT16 = 16,
	ASTRONNX_FLOAT8E4M3FN = 17,
	ASTRONNX_FLOAT8E4M3FNUZ = 18,
	ASTRONNX_FLOAT8E5M2 = 19,
	ASTRONNX_FLOAT8E5M2FNUZ = 20,
	ASTRONNX_UINT4 = 21,
	ASTRONNX_INT4 = 22,
	ASTRONNX_FLOAT4E2M1 = 23,
	ASTRONNX_FLOAT8E8M0 = 24,
	ASTRONNX_UINT2 = 25,
	ASTRONNX_INT2 = 26,
	ASTRONNX_SEQUENCE = 256, /* any number of values of one type */
	ASTRONNX_OPTIONAL = 512  /* one value, or none */
} astronnx_dtype;

typedef enum astronnx_order { ASTRONNX_RING = 1, ASTRONNX_NESTED = 2 } astronnx_order;

/* ---- models */

/* How to open a model. Zero everywhere but in size is the default. */
typedef struct astronnx_options {
	size_t size;          /* sizeof(astronnx_options) */
	const char *engine;   /* "onnxruntime" or "reference"; NULL: the first that is there */
	const char *library;  /* path of libonnxruntime 1.24 or newer, must be usable; NULL: searched for. A process uses one */
	const char *provider; /* "CPU", "CUDA", or another that the library knows; NULL: CPU */
	int32_t device;       /* the provider's device */
	int32_t threads;      /* within an operator; 0: one for each processor */
	int32_t fallback;     /* 1: the CPU may run what the provider cannot */
	int32_t bodies;       /* 1: HEALPix operators run by their function bodies instead of our kernels */
} astronnx_options;

typedef struct astronnx_model astronnx_model;

/* An input or output. */
typedef struct astronnx_port {
	const char *name;
	int32_t dtype;              /* of a sequence that of its tensors + ASTRONNX_SEQUENCE, of an optional value that of what it may hold +
	                               ASTRONNX_OPTIONAL; 0: a map, a deeper nesting, or not said */
	int32_t rank;               /* of the tensor, or of those in the sequence; -1: not said */
	const int64_t *dims;        /* [rank], -1 where open */
	const char *const *symbols; /* [rank], the name of an open size; empty where it has none */
	int32_t optional;           /* 1: an input with a default. One that takes an optional value may be left out, too */
} astronnx_port;

typedef struct astronnx_entry {
	const char *key, *value;
} astronnx_entry;

/* A model, owned by its handle. */
typedef struct astronnx_model_info {
	const astronnx_port *inputs, *outputs;
	size_t n_inputs, n_outputs;
	const astronnx_entry *metadata; /* by key */
	size_t n_metadata;
	const char *engine, *library, *version, *provider; /* what runs it; the library of the engine and its version, empty without one */
	int32_t device, threads;
	const char *report; /* the same and more, as text: who runs which HEALPix operators, and why */
} astronnx_model_info;

/* An element of a tensor of strings. */
typedef struct astronnx_string {
	const char *data; /* any bytes; a result's have a 0 behind them */
	size_t bytes;     /* without that 0 */
} astronnx_string;

/* A dense array in row-major order, which stays the caller's. That of ASTRONNX_STRING has astronnx_string as elements.
 *
 * Values of values have rank 0, dims NULL, and in data an array of astronnx_tensor: ASTRONNX_SEQUENCE its bytes / sizeof(astronnx_tensor)
 * values, ASTRONNX_OPTIONAL the one, or with bytes 0 none. The names of these are not read. Where an optional value is taken, the
 * value itself will do. */
typedef struct astronnx_tensor {
	const char *name;       /* of the input or output; NULL: the one at this position */
	int32_t dtype;
	int32_t rank;
	const int64_t *dims;    /* [rank]; may be NULL for rank 0 */
	const int64_t *strides; /* [rank], in elements; NULL: row-major. Anything but row-major is refused */
	void *data;             /* aligned to its element type; inputs are only read */
	size_t bytes;
} astronnx_tensor;

typedef struct astronnx_results astronnx_results;

/* astronnx_model_open reads and compiles a model, with external data from below its folder. options may be NULL. */
astronnx_status astronnx_model_open(const char *path, const astronnx_options *options, astronnx_model **model, astronnx_error *error);

/* astronnx_model_open_bytes compiles the bytes of a file, which are not needed afterwards. */
astronnx_status astronnx_model_open_bytes(const void *data, size_t bytes, const astronnx_options *options, astronnx_model **model,
                                          astronnx_error *error);

astronnx_status astronnx_model_info_of(astronnx_model *model, const astronnx_model_info **info, astronnx_error *error);

/* astronnx_model_run computes the outputs named in out from in, without copying either, strings aside.
 *
 * An output whose data is not NULL is written there; type, shape and bytes must be the result's, which is a tensor of numbers. Where
 * data is NULL the library allocates: dtype, rank, dims, data and bytes are set, and what they point to lasts until astronnx_results_close(*results).
 * results may be NULL, and is set to NULL, if nothing is allocated. After a failure out is unchanged, the contents of its arrays
 * aside. */
astronnx_status astronnx_model_run(astronnx_model *model, const astronnx_tensor *in, size_t n_in, astronnx_tensor *out, size_t n_out,
                                   astronnx_results **results, astronnx_error *error);

/* astronnx_model_cancel ends the runs under way: on onnxruntime between two operators, on the reference engine within them. */
astronnx_status astronnx_model_cancel(astronnx_model *model, astronnx_error *error);

/* Runs under way finish; later calls return ASTRONNX_CLOSED. So it is with all handles. */
astronnx_status astronnx_model_close(astronnx_model *model, astronnx_error *error);
astronnx_status astronnx_results_close(astronnx_results *results, astronnx_error *error);

/* ---- training */

typedef struct astronnx_fit astronnx_fit;

/* What is trained, and for what. Zero everywhere but in size is the default. */
typedef struct astronnx_fit_options {
	size_t size;                    /* sizeof(astronnx_fit_options) */
	const char *loss;               /* mse, mae, huber[:DELTA], bce[:WEIGHT], bce-logits[:WEIGHT,...], cross-entropy[:WEIGHT,...],
	                                   masked-mse, gaussian-nll, moments or log-moments; NULL: mse */
	const char *optimizer;          /* adam, adamw, sgd, momentum[:MU], nesterov[:MU] or rmsprop[:ALPHA]; NULL: adam */
	double rate;                    /* learning rate; 0: 1e-3 */
	double decay;                   /* of weights; with adamw decoupled from the gradient */
	const astronnx_options *engine; /* what runs the steps; NULL: as for a model */
} astronnx_fit_options;

/* What a fit learns from, owned by its handle. */
typedef struct astronnx_fit_info {
	const astronnx_port *fields; /* of a sample: the network's inputs, then the loss's targets; dims[0] is -1 and counts samples */
	size_t n_fields, n_inputs;
	const astronnx_entry *metadata; /* of the network, by key */
	size_t n_metadata;
} astronnx_fit_info;

/* Fills a batch: row k of each field of batch, which stand in the order of astronnx_data's and have room for n samples, becomes sample
 * index[k]. What a sample holds depends on its number alone: batches are asked for ahead of their use and in any order, on threads of
 * the library, but one at a time. Anything but 0 ends the run, as its report then says. It returns, and throws nothing. */
typedef int32_t (*astronnx_read)(void *user, const int64_t *index, size_t n, const astronnx_tensor *batch, size_t n_fields);

/* Samples: the first axis of every field counts them. Element types are those of the fit's fields, or integers, or floats for
 * floats. */
typedef struct astronnx_data {
	size_t size;                   /* sizeof(astronnx_data) */
	const astronnx_tensor *fields; /* all fields of the fit; their data, all samples, is read where it is until the run ends */
	size_t n_fields;
	astronnx_read read;            /* NULL, or what gives the samples: data is NULL then, and bytes 0 */
	void *user;
} astronnx_data;

/* A row of a run's history. */
typedef struct astronnx_epoch {
	int64_t epoch, steps; /* from 0; changes of the weights by its end */
	double loss;          /* mean over its steps, each before its change */
	double validation;    /* loss of the validation data at its end; NaN without such data */
	double rate;          /* learning rate of its last step */
	double seconds;       /* of the run by its end, earlier sessions included */
} astronnx_epoch;

typedef struct astronnx_progress {
	int64_t epoch, epochs, step, steps; /* of the step that was taken, from 0, and of how many; steps are those of an epoch */
	double loss, mean, rate;            /* of the step; over the epoch so far; learning rate */
	double seconds, left;               /* since the run began; about so many to go */
	const astronnx_epoch *done;         /* the epoch's row after its last step, else NULL */
} astronnx_progress;

/* Is told after each step, on the thread of the run, how far it is. Anything but 0 ends the run, which then returns ASTRONNX_OK. */
typedef int32_t (*astronnx_tell)(void *user, const astronnx_progress *progress);

/* How a run goes. Zero everywhere but in size is the default. */
typedef struct astronnx_fit_run_options {
	size_t size;                     /* sizeof(astronnx_fit_run_options) */
	int64_t epochs, batch;           /* 0: 1 and 32 */
	const astronnx_data *validation; /* their loss, else that of training, decides which epoch is best and what patience and plateau see */
	const char *schedule;            /* of the rate: constant, step:EPOCHS:FACTOR, exponential:FACTOR, cosine[:LOW], warm-up:STEPS[:SCHEDULE],
	                                    triangular:LOW:UP:DOWN or plateau[:FACTOR:PATIENCE:REST:LOW]; NULL: constant */
	int64_t patience;                /* ends the run after so many epochs without a smaller loss; 0: never */
	uint64_t seed;                   /* of the order of samples and of dropout */
	const char *checkpoint;          /* folder for checkpoints and the history. Where it holds a checkpoint of the same run, the run goes on
	                                    from there, on the same engine to the same bits; NULL: none is kept */
	int64_t every;                   /* steps after which a checkpoint is written, besides those at the end of epochs and runs; 0: not */
	int64_t accumulate;              /* batches whose gradients make one step; 0: 1 */
	double clip_norm, clip_value;    /* bounds of the gradients' norm and of their elements; 0: none */
	double ema;                      /* decay of running means of the weights, which are then what is kept; 0: none */
	const char *const *freeze;       /* weights that stay, by name or pattern */
	size_t n_freeze;
	astronnx_tell progress; /* may be NULL */
	void *user;             /* of progress */
} astronnx_fit_run_options;

/* What a run came to, owned by the fit's handle until its next run. */
typedef struct astronnx_report {
	const astronnx_epoch *history;
	size_t n_history;
	int64_t best_epoch; /* with the smallest loss, from 0; -1: none has ended */
	double best_loss;
	int64_t steps, resumed; /* in all, and those of earlier sessions */
	double seconds;
	int32_t stopped;  /* 1: patience ended the run */
	int32_t callback; /* what the callback returned that ended the run; 0: none did */
	const char *engine; /* what ran the steps, as text */
} astronnx_report;

/* astronnx_fit_open reads the network that is to be trained, in inference form, and takes its loss. options may be NULL. */
astronnx_status astronnx_fit_open(const char *path, const astronnx_fit_options *options, astronnx_fit **fit, astronnx_error *error);

/* astronnx_fit_open_bytes does so with the bytes of a file, which are not needed afterwards. */
astronnx_status astronnx_fit_open_bytes(const void *data, size_t bytes, const astronnx_fit_options *options, astronnx_fit **fit,
                                        astronnx_error *error);

astronnx_status astronnx_fit_info_of(astronnx_fit *fit, const astronnx_fit_info **info, astronnx_error *error);

/* astronnx_fit_run trains from the network's own weights, or from a checkpoint, and returns when the run has ended. options and report
 * may be NULL; the report is there whenever the run had begun, whatever its end, else NULL. A fit runs once at a time. */
astronnx_status astronnx_fit_run(astronnx_fit *fit, const astronnx_data *data, const astronnx_fit_run_options *options,
                                 const astronnx_report **report, astronnx_error *error);

/* astronnx_fit_cancel ends the run under way after its step, with a checkpoint; the run returns ASTRONNX_CANCELED. */
astronnx_status astronnx_fit_cancel(astronnx_fit *fit, astronnx_error *error);

/* astronnx_fit_export writes the network with the weights of the best epoch, or of the end of the last run if last is 1, to a file for
 * any runtime, compared on all engines at hand before it is written. */
astronnx_status astronnx_fit_export(astronnx_fit *fit, const char *path, int32_t last, astronnx_error *error);

astronnx_status astronnx_fit_close(astronnx_fit *fit, astronnx_error *error);

/* ---- the sphere. Arrays have n elements; where one goes in and one of its kind comes out, both may be the same. */

astronnx_status astronnx_ring2nest(int64_t nside, size_t n, const int64_t *ring, int64_t *nest, astronnx_error *error);
astronnx_status astronnx_nest2ring(int64_t nside, size_t n, const int64_t *nest, int64_t *ring, astronnx_error *error);
astronnx_status astronnx_ang2pix(int64_t nside, astronnx_order order, size_t n, const double *theta, const double *phi, int64_t *pix,
                                 astronnx_error *error);
astronnx_status astronnx_pix2ang(int64_t nside, astronnx_order order, size_t n, const int64_t *pix, double *theta, double *phi,
                                 astronnx_error *error);
/* neighbours is [n][8]: SW, W, NW, N, NE, E, SE, S; -1 where there is none. */
astronnx_status astronnx_neighbours(int64_t nside, astronnx_order order, size_t n, const int64_t *pix, int64_t *neighbours,
                                    astronnx_error *error);

/* ---- maps */

typedef struct astronnx_map astronnx_map;

typedef struct astronnx_column {
	const char *name, *unit; /* unit is empty where the file names none */
	int32_t dtype;           /* ASTRONNX_FLOAT32 where the file has it, else ASTRONNX_FLOAT64 */
	const void *data;        /* [n_pixels]; -1.6375e30 (UNSEEN) and NaN mark pixels without data */
} astronnx_column;

/* A map, owned by its handle. */
typedef struct astronnx_map_info {
	int64_t nside;
	int32_t order; /* astronnx_order */
	int64_t n_pixels;
	const int64_t *pixels; /* [n_pixels], ascending: the pixels of a partial sky; NULL: all 12 nside^2 */
	const astronnx_column *columns;
	size_t n_columns;
	const char *coord; /* "C", "E", "G", or what the file says; empty where it says nothing */
} astronnx_map_info;

/* astronnx_map_read reads a HEALPix map from a FITS file: the named columns, all if n_columns is 0, in the order given, or as it is
 * stored if order is 0. hdu is the number of the table, 0 for the first that holds a map. */
astronnx_status astronnx_map_read(const char *path, const char *const *columns, size_t n_columns, int32_t order, int32_t hdu,
                                  astronnx_map **map, const astronnx_map_info **info, astronnx_error *error);
astronnx_status astronnx_map_close(astronnx_map *map, astronnx_error *error);

/* ---- the library */

/* astronnx_version says which build this is. The text stays. */
const char *astronnx_version(void);

/* The HEALPix and training kernels for any onnxruntime from 1.24 on, as its RegisterCustomOpsLibrary calls it. Nodes of these
 * operators then run by a kernel, which takes float32, and no longer by the function bodies in the file. */
struct OrtSessionOptions;
struct OrtApiBase;
struct OrtStatus;
struct OrtStatus *RegisterCustomOps(struct OrtSessionOptions *options, const struct OrtApiBase *api);

#ifdef __cplusplus
}
#endif

#endif
