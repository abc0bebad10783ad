"""Tests of the installed package. ASTRONNX_TEST_FILES is a folder with scaled.onnx, network.onnx, half.onnx and WMAP's map.fits."""

import inspect
import multiprocessing
import os
import pathlib
import pickle
import threading
import typing
import unittest

import healpy
import numpy as np
import onnx
import onnxruntime

import astronnx
from small import build, counting, value

FILES = pathlib.Path(os.environ["ASTRONNX_TEST_FILES"])
SCALED = FILES / "scaled.onnx"  # y = 2x + 1, float32 (N, 1, 48)


class Models(unittest.TestCase):
    def setUp(self):
        self.model = astronnx.Model(SCALED, threads=1)
        self.addCleanup(self.model.close)
        self.x = np.arange(48, dtype="float32").reshape(1, 1, 48)

    def refused(self, code, text, f, *args, **kwargs):
        with self.assertRaises(astronnx.Error) as caught:
            f(*args, **kwargs)
        self.assertEqual(caught.exception.code, code, caught.exception)
        self.assertIn(text, str(caught.exception))
        return caught.exception

    def test_description(self):
        self.assertEqual(self.model.inputs, [astronnx.Port("x", np.dtype("float32"), ("N", 1, 48), False)])
        self.assertEqual(self.model.outputs, [astronnx.Port("y", np.dtype("float32"), ("N", 1, 48), False)])
        self.assertEqual(self.model.metadata, {"author": "the test"})
        self.assertEqual(self.model.engine, "onnxruntime")
        self.assertIn("onnxruntime", self.model.report)
        self.assertTrue(astronnx.version())

    def test_run(self):
        for batch in (1, 3, 1, 0):
            x = np.random.default_rng(batch).standard_normal((batch, 1, 48)).astype("float32")
            np.testing.assert_array_equal(self.model.run({"x": x})["y"], 2 * x + 1)
        with open(SCALED, "rb") as file:
            model = astronnx.Model(file.read(), engine="reference")
        np.testing.assert_array_equal(model.run({"x": self.x})["y"], 2 * self.x + 1)
        self.assertEqual(model.engine, "reference")

    def test_in_place(self):
        y = np.zeros((1, 1, 48), "float32")
        self.assertIs(self.model.run({"x": self.x}, out={"y": y})["y"], y)
        np.testing.assert_array_equal(y, 2 * self.x + 1)
        self.refused("output", "in place", self.model.run, {"x": self.x}, out={"y": np.zeros((1, 1, 96), "float32")[:, :, ::2]})
        self.refused("output", "in place", self.model.run, {"x": self.x}, out={"y": [1]})
        self.refused("output", "'z'", self.model.run, {"x": self.x}, out={"z": y})
        self.refused("output", "float64", self.model.run, {"x": self.x}, out={"y": y.astype(float)})
        self.assertRaises(astronnx.Error, self.model.run, {"x": self.x}, out={"y": np.zeros((2, 1, 48), "float32")})

    def test_results_outlive_the_model(self):
        model = astronnx.Model(build(  # the size of y depends on the values of x
            [onnx.helper.make_node("NonZero", ["x"], ["y"])], [value("x", 1, [4])], [value("y", 7, [1, "n"])]))
        y = model.run({"x": np.array([0, 1, 0, 1], "float32")})["y"]
        part = y[0, 1:]
        model.close()
        del y, model
        np.testing.assert_array_equal(part, [3])

    def test_a_declared_shape_may_be_wrong(self):
        model = astronnx.Model(build(
            [onnx.helper.make_node("Reshape", ["x", "s"], ["y"])], [value("x", 1, ["N"]), value("s", 7, [2])], [value("y", 1, ["N", "N"])]))
        for _ in range(2):
            y = model.run({"x": np.arange(6, dtype="float32"), "s": np.array([2, 3])})["y"]
            np.testing.assert_array_equal(y, [[0, 1, 2], [3, 4, 5]])

    def test_layouts(self):
        want = 2 * self.x + 1
        for name, x in {
            "strided": np.repeat(self.x, 2, axis=2)[:, :, ::2], "big endian": self.x.astype(">f4"), "read-only": np.broadcast_to(self.x, (1, 1, 48)),
            "unaligned": np.frombuffer(b"0" + self.x.tobytes(), "float32", offset=1).reshape(1, 1, 48), "list": None,
        }.items():
            with self.subTest(name):
                got = self.model.run({"x": self.x if x is None else x})["y"]
                np.testing.assert_array_equal(got, want)

    def test_masked(self):
        x = np.ma.masked_array(self.x, mask=self.x == 7)
        y = self.model.run({"x": x})["y"]
        self.assertEqual(y[0, 0, 7], np.float32(2) * np.float32(astronnx.UNSEEN))
        self.assertEqual(astronnx.UNSEEN, healpy.UNSEEN)
        self.assertEqual(x.data[0, 0, 7], 7)  # the caller's array is as it was
        self.assertEqual(self.model(np.ma.masked_array(np.arange(48.0), self.x[0, 0] == 7))[0, 0, 7], y[0, 0, 7])
        np.testing.assert_array_equal(self.model(np.ma.masked_array(self.x, False)), 2 * self.x + 1)

    def test_masked_numbers_of_other_types(self):
        for dtype, code, missing in ((np.float16, 10, np.nan), (np.float64, 11, astronnx.UNSEEN)):
            model = astronnx.Model(build([onnx.helper.make_node("Identity", ["x"], ["y"])], [value("x", code, ["N"])], [value("y", code, ["N"])]))
            y = model.run({"x": np.ma.masked_array([1, 2], [False, True], dtype)})["y"]
            np.testing.assert_array_equal(y, np.array([1, missing], dtype))
        model = astronnx.Model(build([onnx.helper.make_node("Identity", ["x"], ["y"])], [value("x", 7, ["N"])], [value("y", 7, ["N"])]))
        self.refused("input", "filled", model.run, {"x": np.ma.masked_array([1, 2], [False, True])})
        np.testing.assert_array_equal(model.run({"x": np.ma.masked_array([1, 2], [False, False])})["y"], [1, 2])

    def test_masked_pixels_as_the_model_marks_them(self):
        model = onnx.load_from_string(build([onnx.helper.make_node("Identity", ["x"], ["y"])], [value("x", 10, ["N"])], [value("y", 10, ["N"])]))
        onnx.helper.set_model_props(model, {"astronnx.x.unseen": "-1"})
        model = astronnx.Model(model.SerializeToString())
        np.testing.assert_array_equal(model(np.ma.masked_array([1, 2], [False, True], np.float16)), np.array([1, -1], np.float16))

    def test_float16(self):
        half = astronnx.Model(build([onnx.helper.make_node("Add", ["x", "x"], ["y"])], [value("x", 10, ["N"])], [value("y", 10, ["N"])]))
        x = np.array([1, 2, 0.5], "float16")
        y = half.run({"x": x})["y"]
        self.assertEqual(y.dtype, np.float16)
        np.testing.assert_array_equal(y, 2 * x)

    def test_text(self):
        model = astronnx.Model(build([onnx.helper.make_node("Identity", ["x"], ["y"])], [value("x", 8, ["N", 2])], [value("y", 8, ["N", 2])]))
        self.assertEqual(model.inputs, [astronnx.Port("x", np.dtype(object), ("N", 2), False, "tensor")])
        for x in (np.array([["π", ""], ["a\0b", "\udcff"]], object), np.array([["longer", "x"]]), [["a", b"b"]], np.empty((0, 2), object)):
            want = np.array([[t.decode() if isinstance(t, bytes) else t for t in row] for row in x], object).reshape(-1, 2)
            for y in (model.run({"x": x})["y"], model(x)):
                self.assertEqual(y.dtype, object)
                self.assertEqual(y.tolist(), want.tolist())
                self.assertEqual(y.shape, want.shape)
        self.refused("input", "expected numbers, or str", model.run, {"x": np.array([["a", 1]], object)})
        self.refused("input", "float64", model.run, {"x": np.zeros((1, 2))})
        self.refused("input", "'x', which is not optional", model.run, {"x": None})

    def test_sequences(self):
        kind = onnx.helper.make_sequence_type_proto(onnx.helper.make_tensor_type_proto(1, ["N"]))
        x, y = (onnx.helper.make_value_info(name, kind) for name in "xy")
        model = astronnx.Model(build([onnx.helper.make_node("Identity", ["x"], ["y"])], [x], [y]))
        self.assertEqual(model.inputs, [astronnx.Port("x", np.dtype("float32"), ("N",), False, "sequence")])
        sent = [np.arange(3, dtype="float32"), np.ma.masked_array([1, 2], [False, True], "float32"), np.arange(4, dtype=">f4")[::2]]
        got = model.run({"x": sent})["y"]
        del model
        self.assertEqual([a.tolist() for a in got], [[0, 1, 2], [1, np.float32(astronnx.UNSEEN)], [0, 2]])
        model = astronnx.Model(build([onnx.helper.make_node("SplitToSequence", ["x"], ["y"], keepdims=0)], [value("x", 1, ["N"])], [y]))
        self.assertEqual([float(a) for a in model(sent[0])], [0, 1, 2])
        model = astronnx.Model(build([onnx.helper.make_node("SequenceAt", ["x", "i"], ["y"])], [x, value("i", 7, [])], [value("y", 1, None)]))
        np.testing.assert_array_equal(model.run({"x": tuple(sent[:1]), "i": np.array(0)})["y"], sent[0])
        error = self.refused("input", "takes a sequence, got ndarray", model.run, {"x": sent[0], "i": np.array(0)})
        self.assertIn("list", error.hint)
        self.refused("input", "element 1 of the sequence", model.run, {"x": [sent[0], np.zeros(2)], "i": np.array(0)})
        self.refused("input", "datetime64", model.run, {"x": [np.zeros(2, "datetime64[s]")], "i": np.array(0)})

    def test_optional_values(self):
        of = onnx.helper.make_tensor_type_proto(1, [2])
        for held, plain in ((of, np.array([1, 2], "float32")), (onnx.helper.make_sequence_type_proto(of), [np.array([1, 2], "float32")])):
            x, y = (onnx.helper.make_value_info(name, onnx.helper.make_optional_type_proto(held)) for name in "xy")
            model = astronnx.Model(build(
                [onnx.helper.make_node("Identity", ["x"], ["y"]), onnx.helper.make_node("OptionalHasElement", ["x"], ["has"])], [x],
                [y, value("has", 9, [])]))
            self.assertEqual(model.inputs[0].kind, "optional sequence" if isinstance(plain, list) else "optional")
            got = model.run({"x": plain})
            np.testing.assert_array_equal(got["y"], plain)
            self.assertTrue(got["has"])
            for absent in ({"x": None}, {}):
                got = model.run(absent)
                self.assertIsNone(got["y"])
                self.assertFalse(got["has"])

    def test_dlpack(self):
        class Tensor:
            def __init__(self, array, device):
                self.__dlpack__, self.__dlpack_device__ = array.__dlpack__, lambda: (device, 0)

        np.testing.assert_array_equal(self.model.run({"x": Tensor(self.x, 1)})["y"], 2 * self.x + 1)
        error = self.refused("input", "CUDA device 0", self.model.run, {"x": Tensor(self.x, 2)})
        self.assertIn("tensor.cpu()", error.hint)
        self.refused("input", "ROCm", self.model, Tensor(self.x, 10))
        self.refused("input", "view", self.model, Tensor(self.x.astype(">f4"), 1))

    def test_repeated(self):
        """From the second run on arrays that are alike take another way, which must not be taken for others."""
        names = ("x", "w")
        model = astronnx.Model(build(
            [onnx.helper.make_node("Add", names, ["sum"]), onnx.helper.make_node("Sub", names, ["difference"])],
            [value("x", 1, ["N"]), value("w", 1, ["N"])], [value("sum", 1, ["N"]), value("difference", 1, ["N"])]), threads=1)
        rng = np.random.default_rng(2)
        kept = []
        for n in (5, 5, 5, 7, 7, 5, 5):
            x, w = rng.standard_normal((2, n)).astype("float32")
            for inputs in ({"x": x, "w": w}, {"w": w, "x": x}):
                made = model.run(inputs)
                self.assertEqual(list(made), ["sum", "difference"])
                kept.append((made["sum"], x + w))
                np.testing.assert_array_equal(made["difference"], x - w)
                np.testing.assert_array_equal(model.run(inputs, ["difference"])["difference"], x - w)
        for got, want in kept:  # each run has memory of its own
            np.testing.assert_array_equal(got, want)
        for call in (c for idle in model._calls.values() for c in idle):
            self.assertIsNotNone(call.repeat)

        x = np.arange(1, 6, dtype="float32")
        for _ in range(2):
            x.flags.writeable = False
            np.testing.assert_array_equal(model.run({"x": x, "w": x})["sum"], 2 * x)
            masked = np.ma.masked_array(x, mask=[0, 0, 1, 0, 0])
            self.assertLess(model.run({"x": masked, "w": x})["sum"][2], -1e30)
            for other in (np.repeat(x, 2)[::2], x.astype(">f4"), np.frombuffer(b"0" + x.tobytes(), "float32", offset=1)):
                np.testing.assert_array_equal(model.run({"x": other, "w": x})["sum"], 2 * x)
            for other, text in ((np.ones(5), "float64"), (np.ones(5, "int32"), "int32"), (np.ones((5, 1), "float32"), "5")):
                self.refused("input", text, model.run, {"x": other, "w": x})
            self.refused("engine", "", model.run, {"x": np.ones(3, "float32"), "w": x})
        model.close()
        self.refused("closed", "closed", model.run, {"x": x, "w": x})

    def test_call(self):
        np.testing.assert_array_equal(self.model(np.arange(48.0)), 2 * self.x + 1)
        self.refused("input", "2 arrays", self.model, self.x, self.x)
        self.refused("input", "complex64", self.model, self.x * 1j)

    def test_misuse(self):
        error = self.refused("input", "expected float32", self.model.run, {"x": self.x.astype("float64")})
        self.assertEqual(str(pickle.loads(pickle.dumps(error))), str(error))
        self.refused("input", "missing", self.model.run, {})
        self.refused("input", '"z"', self.model.run, {"z": self.x})
        self.refused("input", "expected float32", self.model.run, {"x": self.x[0]})
        self.refused("output", '"z"', self.model.run, {"x": self.x}, ["z"])
        self.refused("output", "2 outputs", self.model.run, {"x": self.x}, ["y", "y"])
        self.refused("output", "no output", self.model.run, {"x": self.x}, [])
        self.refused("input", "astype", self.model.run, {"x": np.array(["a"])})
        self.refused("input", "no/such.onnx", astronnx.Model, "no/such.onnx")
        self.refused("invalid", "", astronnx.Model, b"no model")
        self.refused("unavailable", "abacus", astronnx.Model, SCALED, engine="abacus")
        self.model.close()
        self.model.close()
        self.refused("closed", "closed", self.model.run, {"x": self.x})

    def test_error_names_the_node(self):
        model = astronnx.Model(build(
            [onnx.helper.make_node("Reshape", ["x", "s"], ["y"], name="fold")], [value("x", 1, ["N"]), value("s", 7, [1])],
            [value("y", 1, ["M"])]), engine="reference")
        error = self.refused("engine", "fold", model.run, {"x": np.zeros(6, "float32"), "s": np.array([5])})
        self.assertEqual((error.node.split()[-1], error.op), ("fold", "Reshape"))

    def test_threads(self):
        wrong = []

        def work(seed):
            for i in range(200):
                x = np.full((1 + i % 3, 1, 48), seed + i, "float32")
                if not np.array_equal(self.model.run({"x": x})["y"], 2 * x + 1):
                    wrong.append((seed, i))

        threads = [threading.Thread(target=work, args=(1000 * k,)) for k in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(wrong, [])

    def test_cancel_and_the_lock(self):
        model = astronnx.Model(counting())
        ended = threading.Event()

        def cancel():  # runs only because the interpreter's lock is free
            while not ended.wait(0.01):
                model.cancel()

        thread = threading.Thread(target=cancel)
        thread.start()
        try:
            self.refused("canceled", "", model.run, {"n": np.array(2**62)})
        finally:
            ended.set()
            thread.join()

    def test_fork(self):
        def child(pipe):
            try:
                self.model.run({"x": self.x})
            except astronnx.Error as error:
                pipe.send((error.code, error.hint))
            try:
                astronnx.register_ops(onnxruntime.SessionOptions())
            except Exception as error:
                pipe.send(str(error))

        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("fork").Process(target=child, args=(theirs,))
        process.start()
        code, hint = ours.recv()
        refusal = ours.recv()
        process.join()
        self.assertEqual(code, "forked")
        self.assertIn("forked", refusal)
        self.assertIn("spawn", hint)


class Kernels(unittest.TestCase):
    def test_registered_beside_our_own_library(self):
        """onnxruntime's own copy and the one that models use run side by side, both with kernels."""
        path = FILES / "network.onnx"
        x = np.random.default_rng(0).standard_normal((2, 1, 12 * 16**2)).astype("float32")
        options = onnxruntime.SessionOptions()
        astronnx.register_ops(options)
        session = onnxruntime.InferenceSession(path, options)
        stock = onnxruntime.InferenceSession(path)
        model = astronnx.Model(path)
        self.assertIn("kernel", model.report)
        name = model.inputs[0].name
        for _ in range(3):
            want = stock.run(None, {name: x})[0]
            for got in (session.run(None, {name: x})[0], model(x)):
                self.assertLessEqual(np.abs(got - want).max(), 1e-5 * np.abs(want).max())


class Sky(unittest.TestCase):
    def test_read_map(self):
        path = FILES / "map.fits"
        for nest in (False, True):
            sky = astronnx.read_map(path, nest=nest)
            self.assertEqual((sky.nside, sky.nest, sky.pixels), (32, nest, None))
            np.testing.assert_array_equal(np.asarray(sky), healpy.read_map(path, field=None, nest=nest, dtype=None))
        first = next(iter(sky.columns))
        one = astronnx.read_map(path, [first])
        self.assertEqual(list(one.columns), [first])
        column = astronnx.read_map(path)[0]
        self.assertEqual(column.shape, (12 * 32**2,))  # after the map itself is gone
        with self.assertRaises(astronnx.Error):
            astronnx.read_map(SCALED)

    def test_sphere(self):
        rng = np.random.default_rng(1)
        for nside in (1, 2, 64, 2**20):
            pix = rng.integers(0, 12 * nside**2, (5, 7))
            np.testing.assert_array_equal(astronnx.ring2nest(nside, pix), healpy.ring2nest(nside, pix))
            np.testing.assert_array_equal(astronnx.nest2ring(nside, pix), healpy.nest2ring(nside, pix))
            for nest in (False, True):
                theta, phi = astronnx.pix2ang(nside, pix, nest)
                np.testing.assert_allclose((theta, phi), healpy.pix2ang(nside, pix, nest), rtol=1e-13)
                np.testing.assert_array_equal(astronnx.ang2pix(nside, theta, phi, nest), pix)
                np.testing.assert_array_equal(
                    astronnx.get_all_neighbours(nside, pix, nest).reshape(8, -1), healpy.get_all_neighbours(nside, pix.ravel(), nest=nest))
        self.assertEqual(astronnx.ang2pix(16, [0.1, 0.2], 1.0).shape, (2,))
        self.assertEqual(astronnx.ring2nest(2, 0), 3)
        self.assertRaises(TypeError, astronnx.ring2nest, 2, 0.5)
        self.assertRaises(astronnx.Error, astronnx.ring2nest, 2, 48)


class Interface(unittest.TestCase):
    def test_every_public_name_is_described(self):
        for name in astronnx.__all__:
            thing = getattr(astronnx, name)
            if not callable(thing):
                continue
            self.assertTrue(inspect.getdoc(thing), name)
            methods = [m for k, m in vars(thing).items() if inspect.isfunction(m) and (k[0] != "_" or k in ("__init__", "__call__"))] if (
                inspect.isclass(thing)) else [thing]
            for method in methods:
                with self.subTest(method.__qualname__):
                    if method.__name__ != "__init__":
                        self.assertTrue(inspect.getdoc(method))
                    hints = typing.get_type_hints(method)
                    self.assertEqual([p for p in inspect.signature(method).parameters if p not in hints and p != "self"], [])
                    self.assertIn("return", hints)


if __name__ == "__main__":
    unittest.main()
