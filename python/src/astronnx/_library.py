"""The C library: its structures and functions as astronnx.h has them, and its failures as exceptions."""

from __future__ import annotations

import ctypes
import pathlib
import threading
from ctypes import POINTER, byref, c_char, c_char_p, c_double, c_int, c_int32, c_int64, c_size_t, c_void_p
from typing import Optional, TypeVar

PATH = str(pathlib.Path(__file__).with_name("libastronnx.so"))

_CODES = (
    "ok", "invalid", "unsupported_op", "limit", "unsafe", "engine", "unavailable", "input", "output", "canceled", "closed", "handle",
    "forked", "internal", "callback",
)


class Error(RuntimeError):
    """A failure of the library.

    Attributes:
        code: what kind of failure, for programs: "invalid", "unsupported_op", "limit", "unsafe", "engine", "unavailable", "input",
            "output", "canceled", "closed", "forked" or "internal".
        node, op: the node of the model and its operator, where one is concerned; else empty.
        hint: what to do, where there is something to say; else empty.
    """

    def __init__(self, message: str, code: str, node: str = "", op: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.code, self.node, self.op, self.hint = code, node, op, hint

    def __reduce__(self):
        return type(self), (str(self), self.code, self.node, self.op, self.hint)


class CError(ctypes.Structure):
    _fields_ = [("status", c_int32), ("message", c_char * 2048), ("op", c_char * 128), ("node", c_char * 256), ("hint", c_char * 512)]


class Options(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t), ("engine", c_char_p), ("library", c_char_p), ("provider", c_char_p), ("device", c_int32),
        ("threads", c_int32), ("fallback", c_int32), ("bodies", c_int32),
    ]


class CPort(ctypes.Structure):
    _fields_ = [
        ("name", c_char_p), ("dtype", c_int32), ("rank", c_int32), ("dims", POINTER(c_int64)), ("symbols", POINTER(c_char_p)),
        ("optional", c_int32),
    ]


class Entry(ctypes.Structure):
    _fields_ = [("key", c_char_p), ("value", c_char_p)]


class ModelInfo(ctypes.Structure):
    _fields_ = [
        ("inputs", POINTER(CPort)), ("outputs", POINTER(CPort)), ("n_inputs", c_size_t), ("n_outputs", c_size_t),
        ("metadata", POINTER(Entry)), ("n_metadata", c_size_t), ("engine", c_char_p), ("library", c_char_p), ("version", c_char_p),
        ("provider", c_char_p), ("device", c_int32), ("threads", c_int32), ("report", c_char_p),
    ]


class Tensor(ctypes.Structure):
    _fields_ = [
        ("name", c_char_p), ("dtype", c_int32), ("rank", c_int32), ("dims", POINTER(c_int64)), ("strides", c_void_p),
        ("data", c_void_p), ("bytes", c_size_t),
    ]


class String(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("bytes", c_size_t)]


class Column(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("unit", c_char_p), ("dtype", c_int32), ("data", c_void_p)]


class MapInfo(ctypes.Structure):
    _fields_ = [
        ("nside", c_int64), ("order", c_int32), ("n_pixels", c_int64), ("pixels", c_void_p), ("columns", POINTER(Column)),
        ("n_columns", c_size_t), ("coord", c_char_p),
    ]


lib = ctypes.CDLL(PATH)


def _declare(name: str, *arguments) -> None:
    f = getattr(lib, name)
    f.argtypes, f.restype = (*arguments, c_void_p), c_int


_declare("astronnx_model_open", c_char_p, c_void_p, c_void_p)
_declare("astronnx_model_open_bytes", c_char_p, c_size_t, c_void_p, c_void_p)
_declare("astronnx_model_info_of", c_void_p, c_void_p)
_declare("astronnx_model_run", c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p)
_declare("astronnx_model_cancel", c_void_p)
_declare("astronnx_model_close", c_void_p)
_declare("astronnx_results_close", c_void_p)
_declare("astronnx_ring2nest", c_int64, c_size_t, c_void_p, c_void_p)
_declare("astronnx_nest2ring", c_int64, c_size_t, c_void_p, c_void_p)
_declare("astronnx_ang2pix", c_int64, c_int, c_size_t, c_void_p, c_void_p, c_void_p)
_declare("astronnx_pix2ang", c_int64, c_int, c_size_t, c_void_p, c_void_p, c_void_p)
_declare("astronnx_neighbours", c_int64, c_int, c_size_t, c_void_p, c_void_p)
_declare("astronnx_map_read", c_char_p, POINTER(c_char_p), c_size_t, c_int32, c_int32, c_void_p, c_void_p)
_declare("astronnx_map_close", c_void_p)
lib.astronnx_version.argtypes, lib.astronnx_version.restype = (), c_char_p


def failure(error: CError) -> Error:
    text = [t.decode("utf-8", "replace") for t in (error.message, error.node, error.op, error.hint)]
    return Error(text[0], _CODES[error.status], *text[1:])


def call(f, *arguments) -> None:
    """Calls f, which releases the interpreter's lock, and raises its failure."""
    error = CError()
    if f(*arguments, byref(error)):
        raise failure(error)


def interruptible(model: c_void_p, f, *arguments) -> int:
    """Calls f, which runs model, on a thread of its own, while this one handles signals: if a handler raises, runs of model end."""
    status = []
    thread = threading.Thread(target=lambda: status.append(f(*arguments)))
    try:
        thread.start()
    except RuntimeError:  # the interpreter is ending
        return f(*arguments)
    try:
        while thread.is_alive():
            thread.join(0.1)
    except BaseException:
        while thread.is_alive():  # the run may not have begun when it is canceled
            lib.astronnx_model_cancel(model, None)
            thread.join(0.01)
        raise
    return status[0]


Self = TypeVar("Self", bound="Closer")


class Closer:
    """What has a handle of the library: it is closed when its block is left, and when nobody refers to it."""

    _handle: Optional[c_void_p] = None

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if self._handle:
            self.close()


class Owner:
    """A handle that is closed when the last array over its memory goes."""

    __slots__ = ("close", "handle")

    def __init__(self, close, handle: int) -> None:
        self.close, self.handle = close, handle

    def __del__(self) -> None:
        self.close(self.handle, None)
