"""Tests of training. ASTRONNX_TEST_FILES is a folder with fit.onnx, which reads x (N, 1, 192) and gives (N, 2), and fit.json, the
losses that Go has for it."""

import io
import json
import multiprocessing
import os
import pathlib
import signal
import tempfile
import threading
import time
import traceback
import unittest
from unittest import mock

import numpy as np

import astronnx

FILES = pathlib.Path(os.environ["ASTRONNX_TEST_FILES"])
NETWORK = FILES / "fit.onnx"
SAMPLES, HELD = 40, 10


def maps(index):
    i, p = np.asarray(index)[:, None], np.arange(192)
    return (((i * 37 + p * 11 + i * p) % 64 - 32) / 16).astype("float32")[:, None]


def parameters(index):
    return (np.asarray(index)[:, None] * np.array([3, 4]) % 16 / 16).astype("float32")


class Dataset:
    """Samples one by one, as PyTorch's datasets give them."""

    def __init__(self, n=SAMPLES):
        self.n, self.threads = n, set()

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        self.threads.add(threading.get_ident())
        return maps([i])[0], parameters([i])[0]


class Broken(Dataset):
    """Raises when its sample is asked for, once it was asked for so often."""

    def __init__(self, error, good=0):
        super().__init__()
        self.error, self.good = error, good

    def __getitem__(self, i):
        if i == 17:
            if self.good == 0:
                raise self.error
            self.good -= 1
        return super().__getitem__(i)


def everything(n=SAMPLES):
    return {"x": maps(range(n)), "target": parameters(range(n))}


class Fits(unittest.TestCase):
    def setUp(self):
        self.fit = astronnx.Fit(NETWORK, loss="huber:0.5", optimizer="adamw", rate=0.01, decay=0.1, threads=1)
        self.addCleanup(self.fit.close)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_like_go(self, data, validation, **more):
        options = {"epochs": 3, "batch": 8, "schedule": "cosine", "seed": 5, "clip_norm": 1.0, **more}
        return self.fit.run(data, validation=validation, **options)

    def refused(self, code, text, f, *args, **kwargs):
        with self.assertRaises(astronnx.Error) as caught:
            f(*args, **kwargs)
        self.assertEqual(caught.exception.code, code, caught.exception)
        self.assertIn(text, str(caught.exception))
        return caught.exception

    def assert_like_go(self, report):
        want = [(row["Loss"], row["Validation"]) for row in json.loads((FILES / "fit.json").read_text())]
        self.assertEqual([(row.loss, row.validation) for row in report.history], want)  # to the bits

    def test_description(self):
        self.assertEqual(self.fit.inputs, [astronnx.Port("x", np.dtype("float32"), (None, 1, 192), False)])
        self.assertEqual(self.fit.targets, [astronnx.Port("target", np.dtype("float32"), (None, 2), False)])
        self.assertIn("target: float32", repr(self.fit))
        with open(NETWORK, "rb") as file:
            self.assertEqual(astronnx.Fit(file.read(), engine="reference").inputs, self.fit.inputs)

    def test_history_is_that_of_go(self):
        data, held = everything(), everything(HELD)
        dataset = Dataset()
        by_batch = astronnx.Samples(SAMPLES, lambda index: {"target": parameters(index), "x": maps(index)})
        for name, form in {"dict": data, "tuple": (data["x"], data["target"]), "dataset": dataset, "function": by_batch}.items():
            with self.subTest(name):
                self.assert_like_go(self.run_like_go(form, held))
        with self.subTest("validation by number"):
            self.assert_like_go(self.run_like_go(data, Dataset(HELD)))
        self.assertEqual(dataset.threads, {threading.get_ident()})
        for name, form in {
            "float64": {"x": data["x"].astype(float), "target": data["target"].astype(float)},
            "float16": {"x": data["x"].astype("float16"), "target": data["target"]},
            "strided": {"x": np.asfortranarray(data["x"][::-1])[::-1], "target": data["target"]},
            "axes": {"x": data["x"][:, 0], "target": data["target"][:, :, None]},
            "lists": [data["x"].tolist(), data["target"].tolist()],
        }.items():
            with self.subTest(name):
                self.assert_like_go(self.run_like_go(form, held))

    def test_report_and_export(self):
        report = self.run_like_go(everything(), everything(HELD))
        self.assertEqual((report.steps, report.resumed, report.stopped), (15, 0, None))
        self.assertEqual(report.best_loss, min(row.validation for row in report.history))
        self.assertEqual(report.history[report.best_epoch].validation, report.best_loss)
        self.assertIn("onnxruntime", report.engine)
        self.assertIs(self.fit.report, report)
        self.fit.export(self.folder / "best.onnx")
        self.fit.export(str(self.folder / "last.onnx"), last=True)
        held = everything(HELD)
        d = np.abs(astronnx.Model(self.folder / "best.onnx").run({"x": held["x"]})["y"] - held["target"])
        huber = np.where(d <= 0.5, d * d / 2, 0.5 * (d - 0.25)).mean()
        self.assertAlmostEqual(huber, report.best_loss, delta=1e-5)
        self.refused("output", "no/such", self.fit.export, "no/such/folder.onnx")

    def test_progress(self):
        told = []
        report = self.run_like_go(everything(), None, progress=told.append)
        self.assertEqual([(p.epoch, p.step) for p in told], [(e, s) for e in range(3) for s in range(5)])
        self.assertEqual([p.done for p in told if p.done][-1].loss, report.history[-1].loss)
        self.assertTrue(all((p.epochs, p.steps) == (3, 5) and p.loss > 0 and p.rate > 0 for p in told))
        self.assertTrue(np.isnan(report.history[0].validation))

        report = self.run_like_go(everything(), None, progress=lambda p: (p.epoch, p.step) == (1, 2))
        self.assertEqual((report.steps, report.stopped, len(report.history)), (8, "callback", 1))
        self.assertEqual(self.fit.run(everything(), epochs=9, batch=8, patience=1, schedule="step:1:1e-30", freeze="x").steps % 5, 0)

    def test_line(self):
        class Terminal(io.StringIO):
            def isatty(self):
                return True

        for stderr, progress, lines in ((Terminal(), None, 1), (Terminal(), False, 0), (io.StringIO(), None, 0), (io.StringIO(), True, 1)):
            with mock.patch("sys.stderr", stderr):
                self.run_like_go(everything(), everything(HELD), progress=progress)
            text = stderr.getvalue()
            self.assertEqual(text.count("\n"), lines)
            self.assertEqual("\repoch 3/3  step 5/5  loss " in text and "  validation " in text, lines == 1)

    def test_exceptions_come_back_unchanged(self):
        class Own(Exception):
            def __len__(self):
                return 0  # and is false

        def progress(p):
            if p.step == 3:
                raise own

        for name, where, run in (
            ("data", "__getitem__", lambda: self.run_like_go(Broken(own), None)),
            ("validation", "__getitem__", lambda: self.run_like_go(everything(), Broken(own))),
            ("function", "read", lambda: self.run_like_go(astronnx.Samples(SAMPLES, read), None)),
            ("progress", "progress", lambda: self.run_like_go(everything(), None, progress=progress)),
        ):
            def read(index):
                raise own

            own = Own("mine", name)
            with self.subTest(name):
                caught, frames = None, []
                try:
                    run()
                except Own as error:
                    caught, frames = error, [frame.name for frame in traceback.extract_tb(error.__traceback__)]
                self.assertIs(caught, own)
                self.assertEqual((own.args, own.__cause__, own.__context__), (("mine", name), None, None))
                self.assertEqual((frames[0], frames[-1]), ("test_exceptions_come_back_unchanged", where))
                self.assertEqual(self.fit.report.stopped, "callback")
        self.run_like_go(everything(), None)  # and the fit is as before

    def test_exceptions_leave_a_checkpoint(self):
        held, folder = everything(HELD), self.folder / "run"
        with self.assertRaises(OSError):
            self.run_like_go(Broken(OSError("the disk is gone"), good=1), held, checkpoint=folder)
        cut = self.fit.report.steps
        self.assertGreater(cut, 0)
        report = self.run_like_go(Dataset(), held, checkpoint=folder)
        self.assertEqual((report.resumed, report.steps), (cut, 15))
        self.assert_like_go(report)

    def interrupted(self, data, folder):
        previous = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, previous)
        history, ended = folder / "history.csv", threading.Event()

        def press():
            while not ended.wait(0.01):
                if history.exists() and len(history.read_text().splitlines()) > 2:  # two epochs
                    os.kill(os.getpid(), signal.SIGINT)
                    return

        thread = threading.Thread(target=press)
        thread.start()
        try:
            with self.assertRaises(KeyboardInterrupt):
                self.fit.run(data, epochs=10**6, batch=8, seed=5, checkpoint=folder)
        finally:
            ended.set()
            thread.join()
        cut = self.fit.report.steps
        self.assertGreaterEqual(cut, 10)
        epochs = cut // 5 + 2
        report = self.fit.run(everything(), epochs=epochs, batch=8, seed=5, checkpoint=folder)
        self.assertEqual(report.resumed, cut)
        whole = self.fit.run(everything(), epochs=epochs, batch=8, seed=5)
        self.assertEqual([row.loss for row in report.history], [row.loss for row in whole.history])

    def test_ctrl_c(self):
        for name, data in {"arrays": everything(), "dataset": Dataset()}.items():
            with self.subTest(name):
                self.interrupted(data, self.folder / name)

    def test_a_second_ctrl_c_does_not_wait_for_data(self):
        previous = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, previous)
        hung, ended = threading.Event(), threading.Event()

        class Hangs(Dataset):
            def __getitem__(self, i):
                hung.set()
                time.sleep(60)

        def press():
            while not ended.is_set():
                if hung.wait(0.01):
                    os.kill(os.getpid(), signal.SIGINT)
                    ended.wait(0.3)

        thread = threading.Thread(target=press)
        thread.start()
        started = time.monotonic()
        try:
            with self.assertRaises(KeyboardInterrupt):
                self.run_like_go(Hangs(), None)
        finally:
            ended.set()
            thread.join()
        self.assertLess(time.monotonic() - started, 30)

    def test_cancel(self):
        ended = threading.Event()

        def cancel():
            while not ended.wait(0.01):
                self.fit.cancel()

        thread = threading.Thread(target=cancel)
        thread.start()
        try:
            self.refused("canceled", "", self.fit.run, everything(), epochs=10**6)
        finally:
            ended.set()
            thread.join()

    def test_one_at_a_time(self):
        def again(p):
            self.fit.run(everything())

        self.refused("input", "in use", self.run_like_go, everything(), None, progress=again)
        self.refused("closed", "while it ran", self.run_like_go, everything(), None, progress=lambda p: self.fit.close())
        self.refused("closed", "closed", self.fit.run, everything())
        self.refused("closed", "closed", self.fit.export, "x.onnx")

    def test_misuse(self):
        self.refused("input", "no/such.onnx", astronnx.Fit, "no/such.onnx")
        self.refused("invalid", "", astronnx.Fit, b"no model")
        self.refused("input", "loss l2: expected mse", astronnx.Fit, NETWORK, loss="l2")
        self.refused("input", "optimizer lion: expected adam", astronnx.Fit, NETWORK, optimizer="lion")
        for rate in (0, -1, float("nan"), float("inf")):
            self.refused("input", "rate is", astronnx.Fit, NETWORK, rate=rate)
        self.refused("input", "no run", self.fit.export, "x.onnx")
        data = everything()
        x, y = data["x"], data["target"]
        for text, bad in {
            "the fields 'x': expected 'x', 'target'": {"x": x}, "got 3 of them": (x, y, y), "got 1 of them": [x],
            "has 39 samples": (x, y[1:]), "expected samples of shape [1 192], got [1 191]": (x[:, :, 1:], y), "make no batch": (x[:3], y[:3]),
            "rank is 0": (x, np.float32(1)), "complex64": (x * np.complex64(1j), y), "<U1": (x, np.full(y.shape, "a")),
            "want finite numbers": (x, np.where(y == y[5], np.nan, y)),
        }.items():
            with self.subTest(text):
                self.refused("input", text, self.fit.run, bad, batch=8)
        self.refused("input", "validation", self.fit.run, data, batch=8, validation=(x[:, :, 1:], y))
        for bad in (x, "data", 5, None, lambda index: None):
            self.assertRaises(TypeError, self.fit.run, bad)
        for text, option in {
            "epochs": {"epochs": 0}, "batch": {"batch": 0}, "accumulate": {"accumulate": 0}, "patience is -1": {"patience": -1},
            "schedule fast": {"schedule": "fast"}, "clip_norm is -1": {"clip_norm": -1}, "ema 1": {"ema": 1},
            "depends on no parameter": {"freeze": ["*"]},
        }.items():
            with self.subTest(text):
                self.refused("input", text, self.fit.run, data, **option)
        self.assertIsNone(self.fit.report)

        def giving(sample):
            return astronnx.Samples(SAMPLES, lambda index: sample(maps(index), parameters(index)))

        for text, sample in {
            "'x' has the shape (32, 1, 191), expected (32, 1, 192)": lambda x, y: (x[:, :, 1:], y),
            "'target' has the shape (31, 2)": lambda x, y: (x, y[1:]), "is of complex64, expected float32": lambda x, y: (x * np.complex64(1), y),
            "got NoneType": lambda x, y: None, "the fields 'x', 'y'": lambda x, y: {"x": x, "y": y},
        }.items():
            with self.subTest(text):
                self.refused("input", text, self.fit.run, giving(sample))
        self.fit.close()
        self.fit.close()

    def test_fork(self):
        def child(pipe):
            try:
                self.fit.run(everything())
            except astronnx.Error as error:
                pipe.send(error.code)

        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("fork").Process(target=child, args=(theirs,))
        process.start()
        self.assertEqual(ours.recv(), "forked")
        process.join()


if __name__ == "__main__":
    unittest.main()
