"""Puts the C library and the command into the package. Needs Go and a C compiler; whoever installs the wheel needs neither."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
OLDEST = "0x030b0000"  # 3.11, the first version whose stable interface has what _repeat.c uses


def go_env(name):
    return subprocess.run(["go", "env", name], check=True, capture_output=True, text=True).stdout.strip()


# All that is compiled is by the compiler of Go, which may be for another machine, and names no folder of this one.
os.environ.update(CGO_ENABLED="1", CC=go_env("CC"), LDSHARED=go_env("CC") + " -shared")


class BuildWithLibrary(build_py):
    def run(self):
        super().run()
        package = pathlib.Path(self.build_lib).resolve() / "astronnx"
        with tempfile.TemporaryDirectory() as prefix:
            subprocess.run([ROOT / "capi" / "build.sh", prefix], check=True)
            shutil.copy(pathlib.Path(prefix) / "lib" / "libastronnx.so", package)
        command = ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", package / "bin" / "astronnx", "./cmd/astronnx"]
        subprocess.run(command, check=True, cwd=ROOT)


class PlatformWheel(bdist_wheel):
    def get_tag(self):
        """The package does without its extension where Python is another; what is compiled wants the newest glibc it has a symbol of."""
        machine = {"amd64": "x86_64", "arm64": "aarch64"}[go_env("GOARCH")]
        files = [f for f in pathlib.Path(self.bdist_dir).rglob("*") if f.is_file() and f.suffix in ("", ".so")]
        versions = [v for f in files for v in re.findall(rb"GLIBC_(\d+)\.(\d+)", f.read_bytes())]
        major, minor = max((int(a), int(b)) for a, b in versions)
        return "py3", "none", f"manylinux_{major}_{minor}_{machine}"


setup(
    cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel},
    ext_modules=[
        Extension(
            "astronnx._repeat", ["src/_repeat.c"], include_dirs=[str(ROOT / "capi")], py_limited_api=True,
            define_macros=[("Py_LIMITED_API", OLDEST)], extra_link_args=["-s"],
        ),
    ],
)
