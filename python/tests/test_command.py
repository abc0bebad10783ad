"""Tests of the command in the installed package: python -m astronnx, and the script. ASTRONNX_TEST_FILES is a folder with scaled.onnx."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
import unittest

SCALED = pathlib.Path(os.environ["ASTRONNX_TEST_FILES"]) / "scaled.onnx"


class Command(unittest.TestCase):
    def test_forwarding(self):
        script = os.path.join(sysconfig.get_path("scripts"), "astronnx")
        for command in ([sys.executable, "-m", "astronnx"], [script]):
            def astronnx_(*arguments, **options):
                return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60, **options)

            with self.subTest(command[-1]):
                done = astronnx_("version")
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertTrue(done.stdout.startswith("astronnx "), done.stdout)
                self.assertTrue(json.loads(astronnx_("version", "--json").stdout)["cgo"])
                done = astronnx_("run", "no such network.onnx", "no map.fits")
                self.assertEqual((done.returncode, done.stdout), (4, ""))
                self.assertIn("no such network.onnx", done.stderr)
                self.assertEqual(json.loads(astronnx_("inspect", "--json", "--nosuch").stderr)["exit"], 2)
                self.assertIn("onnxruntime", astronnx_("inspect", str(SCALED)).stdout)

    def test_signals(self):
        """Ctrl-C reaches the command while it waits for a map: it ends in its own way."""
        with tempfile.TemporaryDirectory() as folder:
            pipe = os.path.join(folder, "map.fits")
            os.mkfifo(pipe)
            command = [sys.executable, "-m", "astronnx", "run", "--network-ordering", "ring", SCALED, pipe, "-o", os.path.join(folder, "out.fits")]
            child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
            self.addCleanup(child.kill)
            map_ = self.open_when_read(pipe, child)
            child.send_signal(signal.SIGINT)
            time.sleep(0.3)
            os.close(map_)
            self.assertIn("interrupted", child.communicate(timeout=60)[1])
            self.assertEqual(child.returncode, 130)


    def open_when_read(self, pipe, child):
        while child.poll() is None:
            try:
                return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:  # nobody reads yet
                time.sleep(0.01)
        self.fail(child.communicate()[1])


if __name__ == "__main__":
    unittest.main()
