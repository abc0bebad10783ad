//go:build cgo && !purego && (linux || darwin)

// Our operators as ONNX Runtime's custom operators: what their files share, and what Go calls.
#ifndef ASTRONNX_CUSTOMOP_H
#define ASTRONNX_CUSTOMOP_H

#include "ortapi.h"

#include "../../kernel/c/convnd.h"
#include "../../kernel/c/healpix_conv.h"
#include "../../kernel/c/train.h"

#include <stdlib.h>

// The operators that have kernels, as bits of a set: eight of ai.astronnx.healpix, then eight of ai.astronnx.train.
enum { ax_op_conv = 1, ax_op_pool = 2, ax_op_upsample = 4, ax_op_reorder = 8 };
enum { ax_op_conv_grad_input = 16, ax_op_conv_grad_weight = 32, ax_op_pool_grad = 64 };
enum { ax_op_adam = 1 << 8, ax_op_batch_norm_grad = 1 << 9, ax_op_max_pool_grad = 1 << 10 };
enum { ax_op_convnd = 1 << 13, ax_op_convnd_grad_input = 1 << 14, ax_op_convnd_grad_weight = 1 << 15 };

// ax_register adds the domains with the operators of a set to session options. A domain is made once for each set and stays.
OrtStatus *ax_register(void *session_options, unsigned ops);
// ax_kernels says where the kernels' functions are; once, before ax_register.
void ax_kernels(const void *conv, const void *train, const void *convnd);

// ax_register_foreign adds all operators to session options of another ONNX Runtime than ours.
OrtStatus *ax_register_foreign(void *session_options, const OrtApiBase *base);

// The domains, and their operators by bit; NULL: there is none.
enum { ax_domains = 2 };
const char *ax_domain_name(unsigned which);
const OrtCustomOp *ax_domain_op(unsigned which, unsigned bit);

extern const astronnx_healpix_conv_api *ax_conv;
extern const astronnx_train_api *ax_train;
extern const astronnx_convnd_api *ax_convnd;
extern OrtCustomOp ax_conv_op, ax_pool_op, ax_upsample_op, ax_reorder_op, ax_conv_grad_input_op, ax_conv_grad_weight_op, ax_pool_grad_op;
extern OrtCustomOp ax_adam_op, ax_batch_norm_grad_op, ax_max_pool_grad_op;
extern OrtCustomOp ax_convnd_op, ax_convnd_grad_input_op, ax_convnd_grad_weight_op;

// What a HealpixConv reads besides its inputs.
typedef struct {
	int64_t nside;
	int64_t masks; // whether windows must be known after the geometry is made
	int64_t spin_pairs;
	int64_t pooled; // whether outputs stand as the pool behind reads them: the children of each parent together
	char order[16], tap_order[16], missing[16], outside[16], polcconv[16];
} ax_conv_spec;

// read_conv_spec reads the attributes of a convolution, all but masks.
OrtStatus *read_conv_spec(const OrtKernelInfo *info, ax_conv_spec *spec);

typedef struct {
	int64_t pixel, tap, a; // half of input a, beside half of nothing
} ax_half;

// A geometry that kernels share: made and counted by Go.
typedef struct {
	astronnx_conv_geom *geom;
	int64_t p_in, p_out;
	const int32_t *entries; // [p_out][9]: an input, -1 zero, -2 left out
	const float *scale;     // [p_out]; NULL: 1
	const astronnx_conv_fill *fills;
	int64_t n_fills;
	const ax_half *halves;
	int64_t n_halves;
	int columns[ASTRONNX_CONV_TAPS]; // where W has the taps of the lattice order
	int64_t id;
} ax_table;

// ax_table_new makes a table of what Go laid out, copying what it keeps. A half's b is -1 in fills. NULL and *status on failure.
ax_table *ax_table_new(int64_t p_in, int64_t p_out, const int32_t *entries, const float *scale, const int64_t *fills, int64_t n_fills,
                       int64_t pairs, const float *turns, int keep, int *status);
void ax_table_free(ax_table *t);
const char *ax_table_text(int status);

// Exported by Go. astronnxConvTable returns NULL or a text that the caller frees; index and pixels may be NULL.
char *astronnxConvTable(ax_conv_spec *spec, int64_t *index, int64_t rows, int64_t *pixels, int64_t n_pixels, int64_t p_in, ax_table **out);
void astronnxConvTableFree(int64_t id);

// How pixels move from one map to another, by the operator's attributes.
typedef struct {
	int64_t op; // one of ax_op_*
	int64_t nside, factor, rotate, flip_ew, flip_ns;
	char order[16], to[16];
} ax_move_spec;

// Where pixels come from: shared by kernels, made and counted by Go.
typedef struct {
	int64_t in, out, per;
	const int32_t *at;  // [out][per] positions in the input, -1 for none; NULL: position i / spread of entry i
	const int64_t *ids; // [out] numbers of the output's pixels; NULL: 0 to out-1
	int64_t spread;
	int64_t id;
} ax_moves;

// ax_moves_new copies at and ids. NULL: no memory.
ax_moves *ax_moves_new(int64_t in, int64_t out, int64_t per, int64_t spread, const int32_t *at, const int64_t *ids, int64_t id);
void ax_moves_free(ax_moves *m);

// Exported by Go, as astronnxConvTable. from and to list pixels, NULL for a full sky or what follows from the other.
char *astronnxMoves(ax_move_spec *spec, int64_t *from, int64_t n_from, int64_t *to, int64_t n_to, ax_moves **out);
void astronnxMovesFree(int64_t id);

// ---- shared by the operators

#define TRY(call)                        \
	do {                             \
		OrtStatus *s_ = (call);  \
		if (s_) return s_;       \
	} while (0)

enum { type_float = 1, type_int64 = 7, type_bool = 9 };
enum { required = 0, optional = 1 };
enum { max_rank = 8 };

typedef struct {
	const OrtValue *value; // NULL: absent
	const void *data;
	int64_t dims[max_rank];
	size_t rank;
	int type;
} tensor;

OrtStatus *bad(const char *format, ...) __attribute__((format(printf, 1, 2)));
OrtStatus *own_text(char *text); // a status of a malloc'ed text
OrtStatus *read_tensor(const OrtValue *v, tensor *out);
OrtStatus *input_tensor(OrtKernelContext *ctx, size_t i, size_t n, tensor *out);
// constant_tensor reads input i at creation: *constant is 1 where it is constant or absent.
OrtStatus *constant_tensor(const OrtKernelInfo *info, size_t i, size_t n, int *constant, tensor *out);
// output_data makes output i; *data is NULL where the node does not have it.
OrtStatus *output_data(OrtKernelContext *ctx, size_t i, const int64_t *dims, size_t rank, void **data);
int64_t elements(const tensor *t);
int64_t int_attribute(const OrtKernelInfo *info, const char *name, int64_t otherwise);
// ints_attribute sets n of at most `most` values of v, none where the attribute is absent; 0 if there are more, n then says how many.
int ints_attribute(const OrtKernelInfo *info, const char *name, size_t most, int64_t *v, size_t *n);
float float_attribute(const OrtKernelInfo *info, const char *name, float otherwise);
OrtStatus *text_attribute(const OrtKernelInfo *info, const char *name, const char *otherwise, char *out, size_t size);
int intra_threads(const OrtKernelInfo *info);
void parallel(void *ctx, void (*fn)(void *, size_t), size_t total, void *usr);

// Shape inference: input dims with their names, 0 where unknown or absent.
typedef struct {
	int64_t dims[max_rank];
	const char *names[max_rank];
	size_t rank;
	int type; // 0: absent or unknown
} shape_of;

void input_shape(OrtShapeInferContext *ctx, size_t i, shape_of *out);
// set_output_shape sets the type of output i. Optional outputs are not for inference to set: ONNX Runtime does not check whether the
// node has them, and writes behind its list.
OrtStatus *set_output_shape(OrtShapeInferContext *ctx, size_t i, const shape_of *s);
int64_t int_attribute_of(OrtShapeInferContext *ctx, const char *name, int64_t otherwise);
// ints_attribute_of sets at most `most` values of v, none where the attribute is absent; 0 if there are more.
int ints_attribute_of(OrtShapeInferContext *ctx, const char *name, size_t most, int64_t *v);

const char *cpu_provider(const OrtCustomOp *op);
int default_memory(const OrtCustomOp *op, size_t i);
int first_version(const OrtCustomOp *op);
int last_version(const OrtCustomOp *op);

#endif
