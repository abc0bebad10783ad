//go:build cgo && !purego && (linux || darwin)

// Our operators in an ONNX Runtime that is not the one this process runs models with: it calls us, with a table of its own. Python's
// is linked into its module, so that a process may well have two. The kernels call the table of the thread they are called on.

#include "customop.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

_Thread_local void *const *ax_foreign;

// foreign_op is an operator as one foreign table has it.
typedef struct {
	OrtCustomOp op; // what that ONNX Runtime sees
	const OrtCustomOp *ours;
	void *const *table;
} foreign_op;

typedef struct {
	const foreign_op *op;
	void *kernel;
} foreign_kernel;

#define ENTER(table)                    \
	void *const *before = ax_foreign; \
	ax_foreign = (table)
#define LEAVE() ax_foreign = before

static OrtStatus *create(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **out) {
	const foreign_op *f = (const foreign_op *)op;
	ENTER(f->table);
	foreign_kernel *k = malloc(sizeof *k);
	OrtStatus *s = k ? f->ours->CreateKernelV2(f->ours, api, info, &k->kernel) : bad("out of memory");
	if (s) {
		free(k);
	} else {
		k->op = f;
		*out = k;
	}
	LEAVE();
	return s;
}

static OrtStatus *compute(void *p, OrtKernelContext *ctx) {
	foreign_kernel *k = p;
	ENTER(k->op->table);
	OrtStatus *s = k->op->ours->KernelComputeV2(k->kernel, ctx);
	LEAVE();
	return s;
}

static void destroy(void *p) {
	foreign_kernel *k = p;
	ENTER(k->op->table);
	k->op->ours->KernelDestroy(k->kernel);
	LEAVE();
	free(k);
}

static OrtStatus *infer(const OrtCustomOp *op, OrtShapeInferContext *ctx) {
	const foreign_op *f = (const foreign_op *)op;
	ENTER(f->table);
	OrtStatus *s = f->ours->InferOutputShapeFn(f->ours, ctx);
	LEAVE();
	return s;
}

// A library has few tables, and what is made for one stays.
enum { most_tables = 16 };
static struct {
	void *const *table;
	OrtCustomOpDomain *domains[ax_domains];
} made[most_tables];

static OrtStatus *add(void *const *table, unsigned which, OrtCustomOpDomain *d) {
	for (unsigned i = 0; i < 8; i++) {
		const OrtCustomOp *ours = ax_domain_op(which, i);
		if (!ours) continue;
		foreign_op *f = malloc(sizeof *f);
		if (!f) return bad("out of memory");
		*f = (foreign_op){*ours, ours, table};
		f->op.CreateKernelV2 = create, f->op.KernelComputeV2 = compute, f->op.KernelDestroy = destroy;
		if (ours->InferOutputShapeFn) f->op.InferOutputShapeFn = infer;
		TRY(ORT(CustomOpDomain_Add)(d, &f->op));
	}
	return NULL;
}

static OrtStatus *domains_of(void *const *table, OrtCustomOpDomain ***out) {
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	OrtStatus *s = NULL;
	int i = 0;
	pthread_mutex_lock(&lock);
	while (i < most_tables && made[i].table && made[i].table != table) i++;
	if (i == most_tables) {
		s = bad("astronnx: this process has had %d copies of ONNX Runtime already", most_tables);
	} else if (!made[i].table) {
		for (unsigned k = 0; !s && k < ax_domains; k++) {
			s = ORT(CreateCustomOpDomain)(ax_domain_name(k), &made[i].domains[k]);
			if (!s) s = add(table, k, made[i].domains[k]);
		}
		if (!s) made[i].table = table;
	}
	pthread_mutex_unlock(&lock);
	*out = made[i % most_tables].domains;
	return s;
}

OrtStatus *ax_register_foreign(void *session_options, const OrtApiBase *base) {
	const OrtApi *api = base->GetApi(ORT_API_NEEDED);
	if (!api) {
		// Every ONNX Runtime since 1.0 has the entries with which to say so.
		ENTER((void *const *)base->GetApi(1));
		OrtStatus *s = bad("astronnx: this is ONNX Runtime %s, its kernels need 1.24 or newer", base->GetVersionString());
		LEAVE();
		return s;
	}
	ENTER((void *const *)api);
	OrtCustomOpDomain **domains = NULL;
	OrtStatus *s = session_options ? domains_of((void *const *)api, &domains) : bad("astronnx: the session options are NULL");
	for (unsigned i = 0; !s && i < ax_domains; i++) s = ORT(AddCustomOpDomain)(session_options, domains[i]);
	LEAVE();
	return s;
}
