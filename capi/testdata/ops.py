"""Runs a network in the onnxruntime of this Python with and without our kernels: ops.py LIBRARY MODEL."""

import json
import sys
import tempfile

import numpy
import onnxruntime


def run(library, model, x):
    """Returns the outputs, and the operators that ran."""
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        options.enable_profiling = True
        options.profile_file_prefix = folder + "/profile"
        if library:
            options.register_custom_ops_library(library)
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        y = session.run(None, {session.get_inputs()[0].name: x})
        with open(session.end_profiling()) as file:
            events = json.load(file)
    return y, {event["args"]["op_name"] for event in events if "op_name" in event.get("args", {})}


library, model = sys.argv[1:]
x = numpy.random.default_rng(0).standard_normal((2, 1, 12 * 16**2)).astype("float32")
want, stock = run(None, model, x)
got, ours = run(library, model, x)
again, _ = run(library, model, x)
assert not any(name.startswith("Healpix") for name in stock), stock
assert {"HealpixConv", "HealpixPool"} <= ours, ours
for a, b, c in zip(want, got, again):
    assert numpy.abs(a - b).max() <= 1e-5 * numpy.abs(a).max(), numpy.abs(a - b).max()
    assert numpy.array_equal(b, c)
