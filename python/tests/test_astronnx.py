"""Tests of the installed package. ASTRONNX_TEST_FILES is a folder with scaled.onnx, network.onnx, half.onnx and WMAP's map.fits."""

import multiprocessing
import os
import pathlib
import pickle
import threading
import unittest

import healpy
import numpy as np
import onnx
import onnxruntime

import astronnx

FILES = pathlib.Path(os.environ["ASTRONNX_TEST_FILES"])
SCALED = FILES / "scaled.onnx"  # y = 2x + 1, float32 (N, 1, 48)


def build(nodes, inputs, outputs, initializers=()):
    graph = onnx.helper.make_graph(nodes, "test", inputs, outputs, initializers)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def value(name, dtype, shape):
    return onnx.helper.make_tensor_value_info(name, dtype, shape)


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

    def test_float16(self):
        half = astronnx.Model(build([onnx.helper.make_node("Add", ["x", "x"], ["y"])], [value("x", 10, ["N"])], [value("y", 10, ["N"])]))
        x = np.array([1, 2, 0.5], "float16")
        y = half.run({"x": x})["y"]
        self.assertEqual(y.dtype, np.float16)
        np.testing.assert_array_equal(y, 2 * x)

    def test_dlpack(self):
        class Tensor:  # what PyTorch and CuPy give
            def __init__(self, array):
                self.__dlpack__, self.__dlpack_device__ = array.__dlpack__, array.__dlpack_device__

        np.testing.assert_array_equal(self.model.run({"x": Tensor(self.x)})["y"], 2 * self.x + 1)

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
        body = onnx.helper.make_graph(
            [onnx.helper.make_node("Identity", ["c"], ["c2"]), onnx.helper.make_node("Max", ["a", "i"], ["a2"])], "body",
            [value("i", 7, []), value("c", 9, []), value("a", 7, [])], [value("c2", 9, []), value("a2", 7, [])])
        model = astronnx.Model(build(
            [onnx.helper.make_node("Loop", ["n", "", "zero"], ["y"], body=body)], [value("n", 7, [])], [value("y", 7, [])],
            [onnx.helper.make_tensor("zero", 7, [], [0])]))
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


if __name__ == "__main__":
    unittest.main()
