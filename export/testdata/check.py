"""Holds exported files to the standard and to the PyPI onnxruntime, which knows nothing of astronnx.

    python check.py FOLDER

For each NAME.onnx of the folder, with its inputs and the results that astronnx gave in NAME.in.npz and NAME.out.npz,
it prints the largest difference of an output from ours relative to its largest value. export_test.go runs it.
"""

import glob
import json
import sys

import numpy
import onnx
import onnxruntime

differences = {}
for path in sorted(glob.glob(sys.argv[1] + "/*.onnx")):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    stem = path.removesuffix(".onnx")
    ours = numpy.load(stem + ".out.npz")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    assert sorted(names) == sorted(ours.files), (path, names, ours.files)
    worst = 0.0
    for name, theirs in zip(names, session.run(names, dict(numpy.load(stem + ".in.npz")))):
        assert theirs.dtype == ours[name].dtype and theirs.shape == ours[name].shape, (path, name, theirs.shape)
        seen = numpy.abs(ours[name]) < 1e29  # not the mark of missing pixels
        assert (seen == (numpy.abs(theirs) < 1e29)).all(), (path, name)
        a, b = theirs[seen].astype(float), ours[name][seen].astype(float)
        worst = max(worst, float(numpy.abs(a - b).max() / numpy.abs(b).max()))
    differences[stem.rsplit("/", 1)[1]] = worst
print(json.dumps(differences))
