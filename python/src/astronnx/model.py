"""Models: opening, describing and running them."""

from __future__ import annotations

import ctypes
import glob
import importlib.util
import os
import re
from ctypes import byref
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from . import _arrays as arrays
from . import _values as values
from ._call import Call, ValuesCall, plain
from ._library import Closer, Error, ModelInfo, Options, call, lib


class Port(NamedTuple):
    """An input or output of a model."""

    name: str
    dtype: Optional[np.dtype]
    """Element type of its tensors, object for text; None where it has none or the model does not say."""
    shape: Optional[Tuple[Union[int, str, None], ...]]
    """Sizes of its tensors, by number or by name, None where open; None as a whole where the model does not say."""
    optional: bool
    """An input that has a default."""
    kind: str = "tensor"
    """tensor, sequence, optional or optional sequence; tensor too where the model does not say."""


class Model(Closer):
    """A neural network in an ONNX file.

    Args:
        model: path of the file, or its bytes.
        threads: threads within an operator; 0: one for each processor.
        engine: "onnxruntime" or "reference"; None: onnxruntime if its library is found.
        library: path of libonnxruntime 1.24 or newer; None: what ASTRONNX_ORT_LIB, ONNXRUNTIME_SHARED_LIBRARY_PATH or ORT_DYLIB_PATH
            name, else that of the installed package onnxruntime, else the system's. A process uses one.
        provider: "CPU", "CUDA", or another that the library knows. One that cannot serve is an error, unless fallback is set.
        device: the provider's device.
        fallback: lets the CPU run what the provider cannot.
        bodies: runs HEALPix operators by their function bodies instead of our kernels, to compare the two.

    A model may run on many threads at once; the interpreter's lock is released meanwhile. Close it, or use it in a with statement,
    to have its memory back at once.
    """

    def __init__(
        self, model: Union[str, os.PathLike, bytes], *, threads: int = 0, engine: Optional[str] = None,
        library: Union[str, os.PathLike, None] = None, provider: Optional[str] = None, device: int = 0, fallback: bool = False,
        bodies: bool = False,
    ) -> None:
        self._handle = ctypes.c_void_p()
        options = engine_options(engine, library, provider, device, threads, fallback, bodies)
        if isinstance(model, bytes):
            call(lib.astronnx_model_open_bytes, model, len(model), byref(options), byref(self._handle))
        else:
            call(lib.astronnx_model_open, os.fsencode(model), byref(options), byref(self._handle))
        pointer = ctypes.POINTER(ModelInfo)()
        call(lib.astronnx_model_info_of, self._handle, byref(pointer))
        info = pointer.contents
        self.inputs: List[Port] = [port_of(info.inputs[i]) for i in range(info.n_inputs)]
        self.outputs: List[Port] = [port_of(info.outputs[i]) for i in range(info.n_outputs)]
        self.metadata: Dict[str, str] = {
            info.metadata[i].key.decode(): info.metadata[i].value.decode("utf-8", "replace") for i in range(info.n_metadata)
        }
        self.engine: str = info.engine.decode()
        self.provider: str = info.provider.decode()
        self.report: str = info.report.decode()
        """What runs the model, a line a fact: engine, library, provider, and who runs the HEALPix operators, and why."""
        self._calls: Dict[tuple, list] = {}

    def run(
        self, inputs: Mapping[str, object], outputs: Optional[Sequence[str]] = None, *, out: Optional[Mapping[str, np.ndarray]] = None,
    ) -> Dict[str, Any]:
        """Computes outputs from inputs.

        Args:
            inputs: arrays by the name of the input, of its element type and shape. Row-major arrays are read where they are, others
                are copied first. Masked pixels become UNSEEN, or what the model's metadata name instead. What has __dlpack__ and is
                in the processor's memory, as a CPU tensor of PyTorch, may stand for an array. Text is an array of str, a sequence a
                list, and None an optional value that is absent.
            outputs: names of the outputs to compute; None: all.
            out: arrays by the name of the output, which the results are written into; row-major, of the result's type and shape.

        Returns:
            The outputs by name, new arrays or those of out; arrays of str, lists and None where the model gives text, sequences and
            absent optional values.

        On the main thread a signal is handled during the run; but after it where the run is expected to take under 10 ms, as one on no
        fewer bytes took before. If the handler raises, as Ctrl-C does, all runs of the model end, and it may be used again.
        """
        key = tuple(inputs) if outputs is None else (tuple(inputs), tuple(outputs))
        idle = self._calls.get(key)
        if idle is None:
            idle = self._calls.setdefault(key, [])
        try:
            prepared = idle.pop()
        except IndexError:
            kind = Call if all(plain(port) for port in self.inputs if port.name in inputs) else ValuesCall
            prepared = kind(self, tuple(inputs), None if outputs is None else tuple(outputs))
        made = prepared(inputs, out)
        idle.append(prepared)
        return made

    def __call__(self, *maps: object) -> Any:
        """Runs the model on arrays in the order of its inputs.

        Unlike run, it takes a map (pixel,) or maps (channel, pixel) for an input (N, channel, pixel), and numbers of another precision
        than the input's.

        Returns:
            The output, or a tuple of them in the model's order if it has several, with the model's axes.
        """
        if len(maps) > len(self.inputs):
            raise Error(f"{len(maps)} arrays were given: the model has {len(self.inputs)} inputs", "input")
        inputs = {}
        for port, value in zip(self.inputs, maps):
            if not plain(port):
                inputs[port.name] = value
                continue
            array = arrays.as_array(value, self.unseen(port.name))
            if port.dtype is not None and array.dtype != port.dtype and np.can_cast(array.dtype, port.dtype, "same_kind"):
                array = array.astype(port.dtype)
            if port.shape is not None and array.ndim < len(port.shape):
                array = array.reshape((1,) * (len(port.shape) - array.ndim) + array.shape)
            inputs[port.name] = array
        made = tuple(self.run(inputs).values())
        return made[0] if len(made) == 1 else made

    def cancel(self) -> None:
        """Ends the runs that are under way on other threads: they raise an Error with the code "canceled"."""
        call(lib.astronnx_model_cancel, self._handle)

    def close(self) -> None:
        """Releases the model. Results stay; later runs raise an Error with the code "closed"."""
        if self._handle:
            lib.astronnx_model_close(self._handle, None)

    def __repr__(self) -> str:
        def show(ports):
            return ", ".join(
                f"{p.name}: {p.kind + ' of ' if p.kind != 'tensor' else ''}{p.dtype}{list(p.shape) if p.shape is not None else ''}"
                for p in ports)

        return f"<astronnx.Model ({show(self.inputs)}) -> ({show(self.outputs)}) on {self.engine}>"

    def unseen(self, name: str) -> float:
        """The value that marks missing pixels of an input: what the metadata name, else UNSEEN."""
        return float(self.metadata.get(f"astronnx.{name}.unseen", arrays.UNSEEN))


def engine_options(
    engine: Optional[str], library: Union[str, os.PathLike, None], provider: Optional[str], device: int, threads: int, fallback: bool,
    bodies: bool = False,
) -> Options:
    """What is to run a graph, as the library takes it."""
    if library is None and engine != "reference":
        library = find_library()
    return Options(
        ctypes.sizeof(Options), engine.encode() if engine else None, os.fsencode(library) if library else None,
        provider.encode() if provider else None, device, threads, fallback, bodies,
    )


def port_of(p) -> Port:
    shape = None
    if p.rank >= 0:
        shape = tuple(p.dims[k] if p.dims[k] >= 0 else p.symbols[k].decode() or None for k in range(p.rank))
    kind = {0: "tensor", 256: "sequence", 512: "optional", 768: "optional sequence"}[p.dtype & ~255]
    code = p.dtype & 255
    dtype = np.dtype(object) if code == values.STRING else arrays.dtype_of(code) if code in arrays.DTYPES else None
    return Port(p.name.decode(), dtype, shape, bool(p.optional), kind)


def find_library() -> Optional[str]:
    """The libonnxruntime that models use unless told otherwise; None: the system's loader is asked."""
    for name in ("ASTRONNX_ORT_LIB", "ONNXRUNTIME_SHARED_LIBRARY_PATH", "ORT_DYLIB_PATH"):
        if os.environ.get(name):
            return os.environ[name]
    package = importlib.util.find_spec("onnxruntime")
    for folder in (package.submodule_search_locations or ()) if package else ():
        for path in sorted(glob.glob(os.path.join(glob.escape(folder), "capi", "libonnxruntime.so.1.*"))):
            version = re.search(r"\.so\.1\.(\d+)", path)
            if version and int(version[1]) >= 24:
                return path
    return None


def register_ops(options: Any) -> None:
    """Gives sessions of onnxruntime our kernels for the HEALPix and training operators.

    Args:
        options: an onnxruntime.SessionOptions, of version 1.24 or newer. The kernels take float32; a model with such nodes of other
            types opens without them only.
    """
    from ._library import PATH

    options.register_custom_ops_library(PATH)
