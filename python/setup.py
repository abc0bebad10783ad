"""Puts the C library into the package. Needs Go and a C compiler; whoever installs the wheel needs neither."""

import pathlib
import platform
import re
import shutil
import subprocess
import tempfile

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

HERE = pathlib.Path(__file__).resolve().parent
NAME = "libastronnx.so"


class BuildWithLibrary(build_py):
    def run(self):
        super().run()
        with tempfile.TemporaryDirectory() as prefix:
            subprocess.run([HERE.parent / "capi" / "build.sh", prefix], check=True)
            shutil.copy(pathlib.Path(prefix) / "lib" / NAME, pathlib.Path(self.build_lib) / "astronnx" / NAME)


class PlatformWheel(bdist_wheel):
    def get_tag(self):
        """The package is plain Python; the library wants the newest glibc of which it uses a symbol."""
        library = pathlib.Path(self.get_finalized_command("build_py").build_lib) / "astronnx" / NAME
        versions = re.findall(rb"GLIBC_(\d+)\.(\d+)", library.read_bytes())
        major, minor = max((int(a), int(b)) for a, b in versions)
        return "py3", "none", f"manylinux_{major}_{minor}_{platform.machine()}"


class WithLibrary(Distribution):
    def has_ext_modules(self):
        return True


setup(distclass=WithLibrary, cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel})
