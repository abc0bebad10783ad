"""Signals while a model runs on the main thread."""

import signal
import subprocess
import sys
import tempfile
import time
import unittest

import numpy as np

import astronnx
from small import counting


class Signals(unittest.TestCase):
    def test_interrupt(self):
        """Ctrl-C during a run on the main thread."""
        file = tempfile.NamedTemporaryFile(suffix=".onnx")
        self.addCleanup(file.close)
        file.write(counting())
        file.flush()
        for engine in ("onnxruntime", "reference"):
            with self.subTest(engine):
                child = subprocess.Popen(
                    [sys.executable, "-c", """
import signal, sys, threading
import numpy as np
import astronnx
signal.signal(signal.SIGINT, signal.default_int_handler)
with open(sys.argv[1], "rb") as file:
    model = astronnx.Model(file.read(), engine=sys.argv[2])
for n in 10, 11:
    assert model.run({"n": np.array(n)})["y"] == n - 1
threading.Timer(0.3, lambda: print("running", flush=True)).start()
try:
    model.run({"n": np.array(2**62)})
except KeyboardInterrupt:
    print("interrupted", model.run({"n": np.array(10)})["y"], model.run({"n": np.array(20)})["y"])
""", file.name, engine], stdout=subprocess.PIPE, text=True)
                self.addCleanup(child.kill)
                self.assertEqual(child.stdout.readline(), "running\n")
                child.send_signal(signal.SIGINT)
                self.assertEqual(child.communicate(timeout=60)[0], "interrupted 9 19\n")
                self.assertEqual(child.returncode, 0)

    def test_a_handler_that_returns(self):
        """It leaves the run alone; this one looks in twice before it ends it by other means."""
        model = astronnx.Model(counting())
        seen = []

        def handler(*_):
            seen.append(time.monotonic())
            if len(seen) > 2:
                model.cancel()

        before = signal.signal(signal.SIGALRM, handler)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)
        with self.assertRaises(astronnx.Error) as caught:
            model.run({"n": np.array(2**62)})
        self.assertEqual(caught.exception.code, "canceled")
        self.assertGreater(len(seen), 2)


if __name__ == "__main__":
    unittest.main()
