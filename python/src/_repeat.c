// A call of a model once more, with arrays like those of the run before: what _call.py does for any arrays, without the interpreter's
// microseconds. Where something is not alike it says so, and _call.py takes over.
//
// It uses the stable interface of Python, so that one file serves every version, and of NumPy the buffer protocol alone.

#include <Python.h>
#include <string.h>

#include "astronnx.h"

enum { most = 16 }; // arrays, each way

typedef struct {
	PyObject_HEAD
	__typeof__(&astronnx_model_run) run;
	astronnx_model *model;
	astronnx_tensor *in, *out;
	astronnx_error *error;
	PyObject *keep; // what these point into
	PyObject *array, *empty; // numpy.ndarray and numpy.empty
	PyObject *inputs;  // names
	PyObject *outputs; // names and arguments of empty, in turns
	char format[most][4];
} Repeat;

// look opens a view of value and reports whether it is an array like input i; the format tells one that is not aligned or swapped.
static int look(const Repeat *r, Py_ssize_t i, PyObject *value, Py_buffer *view) {
	const astronnx_tensor *t = &r->in[i];
	if ((PyObject *)Py_TYPE(value) != r->array) return 0; // a masked array is not
	if (PyObject_GetBuffer(value, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)) {
		PyErr_Clear();
		return 0;
	}
	int same = view->ndim == t->rank && !strcmp(view->format, r->format[i]);
	for (int k = 0; same && k < t->rank; k++) same = view->shape[k] == t->dims[k];
	if (!same) PyBuffer_Release(view);
	return same;
}

// make puts new arrays for the outputs into made, and views of them into views.
static int make(const Repeat *r, PyObject *made, Py_buffer *views, Py_ssize_t *n) {
	for (; 2 * *n < PyTuple_Size(r->outputs); ++*n) {
		PyObject *array = PyObject_Call(r->empty, PyTuple_GetItem(r->outputs, 2 * *n + 1), NULL);
		if (!array) return -1;
		int failed = PyDict_SetItem(made, PyTuple_GetItem(r->outputs, 2 * *n), array) ||
		             PyObject_GetBuffer(array, &views[*n], PyBUF_WRITABLE);
		Py_DECREF(array);
		if (failed) return -1;
		r->out[*n].data = views[*n].buf;
	}
	return 0;
}

PyDoc_STRVAR(run_doc, "run(inputs): the outputs by name; None if inputs is not like that of the last run; the status of a failure.");

static PyObject *repeat_run(PyObject *self, PyObject *inputs) {
	const Repeat *r = (Repeat *)self;
	Py_buffer in[most], out[most];
	Py_ssize_t n_in = 0, n_out = 0;
	PyObject *made = NULL;
	for (; n_in < PyTuple_Size(r->inputs); n_in++) {
		PyObject *value = PyDict_CheckExact(inputs) ? PyDict_GetItemWithError(inputs, PyTuple_GetItem(r->inputs, n_in)) : NULL;
		if (!value || !look(r, n_in, value, &in[n_in])) {
			if (!PyErr_Occurred()) made = Py_NewRef(Py_None);
			goto end;
		}
		r->in[n_in].data = in[n_in].buf;
	}
	if (!(made = PyDict_New()) || make(r, made, out, &n_out)) {
		Py_CLEAR(made);
		goto end;
	}
	astronnx_status status;
	Py_BEGIN_ALLOW_THREADS
	status = r->run(r->model, r->in, n_in, r->out, n_out, NULL, r->error);
	Py_END_ALLOW_THREADS
	if (status) {
		Py_DECREF(made);
		made = PyLong_FromLong(status);
	}
end:
	while (n_out) PyBuffer_Release(&out[--n_out]);
	while (n_in) PyBuffer_Release(&in[--n_in]);
	return made;
}

PyDoc_STRVAR(repeat_doc, "Repeat(run, model, in, out, error, keep, ndarray, empty, inputs, outputs): addresses and what keeps them; "
                         "the last run's arrays by name; names of outputs and arguments of empty, in turns. One thread at a time uses it.");

static PyObject *repeat_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
	unsigned long long run, model, in, out, error;
	PyObject *keep, *array, *empty, *inputs, *outputs;
	(void)keywords;
	if (!PyArg_ParseTuple(arguments, "KKKKKOOOO!O!", &run, &model, &in, &out, &error, &keep, &array, &empty, &PyDict_Type, &inputs,
	                      &PyTuple_Type, &outputs))
		return NULL;
	if (PyDict_Size(inputs) > most || PyTuple_Size(outputs) > 2 * most) {
		PyErr_SetString(PyExc_ValueError, "too many arrays");
		return NULL;
	}
	PyObject *names = PyDict_Keys(inputs);
	PyObject *tuple = names ? PyList_AsTuple(names) : NULL;
	Py_XDECREF(names);
	Repeat *r = tuple ? (Repeat *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0) : NULL;
	if (!r) {
		Py_XDECREF(tuple);
		return NULL;
	}
	r->run = (__typeof__(r->run))(uintptr_t)run;
	r->model = (void *)(uintptr_t)model, r->in = (void *)(uintptr_t)in, r->out = (void *)(uintptr_t)out;
	r->error = (void *)(uintptr_t)error;
	r->keep = Py_NewRef(keep), r->array = Py_NewRef(array), r->empty = Py_NewRef(empty);
	r->inputs = tuple, r->outputs = Py_NewRef(outputs);
	for (Py_ssize_t i = 0; i < PyTuple_Size(tuple); i++) {
		Py_buffer view;
		if (PyObject_GetBuffer(PyDict_GetItemWithError(inputs, PyTuple_GetItem(tuple, i)), &view, PyBUF_FORMAT)) goto fail;
		size_t length = strlen(view.format);
		if (length < sizeof r->format[i]) memcpy(r->format[i], view.format, length + 1);
		PyBuffer_Release(&view);
		if (length >= sizeof r->format[i]) {
			PyErr_SetString(PyExc_ValueError, "an element type of more than one part");
			goto fail;
		}
	}
	return (PyObject *)r;
fail:
	Py_DECREF(r);
	return NULL;
}

static void repeat_dealloc(PyObject *self) {
	Repeat *r = (Repeat *)self;
	PyTypeObject *type = Py_TYPE(self);
	Py_XDECREF(r->keep), Py_XDECREF(r->array), Py_XDECREF(r->empty), Py_XDECREF(r->inputs), Py_XDECREF(r->outputs);
	((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
	Py_DECREF(type);
}

static PyMethodDef methods[] = {{"run", repeat_run, METH_O, run_doc}, {0}};

static PyType_Slot slots[] = {
	{Py_tp_new, repeat_new}, {Py_tp_dealloc, repeat_dealloc}, {Py_tp_methods, methods}, {Py_tp_doc, (void *)repeat_doc}, {0},
};

static PyType_Spec spec = {"astronnx._repeat.Repeat", sizeof(Repeat), 0, Py_TPFLAGS_DEFAULT, slots};

static int fill(PyObject *module) {
	PyObject *type = PyType_FromModuleAndSpec(module, &spec, NULL);
	int failed = !type || PyModule_AddObjectRef(module, "Repeat", type);
	Py_XDECREF(type);
	return failed ? -1 : 0;
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, fill}, {0}};

static PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_repeat", .m_slots = module_slots};

PyMODINIT_FUNC PyInit__repeat(void) { return PyModuleDef_Init(&module); }
