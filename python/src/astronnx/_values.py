"""Values that are no arrays of numbers: text, sequences and optional ones, as a model takes and gives them."""

from __future__ import annotations

import ctypes
from typing import Any, List

import numpy as np

from . import _arrays as arrays
from ._library import Error, String, Tensor

STRING, SEQUENCE, OPTIONAL = 8, 256, 512


def give(value: object, kind: str, unseen: float, to: Tensor, alive: List[object]) -> None:
    """Describes value in `to`, for an input of this kind; what that points into is added to alive."""
    if value is None:
        if not kind.startswith("optional"):
            raise Error(f"None was given for {_of(to)}, which is not optional", "input")
        _describe(to, OPTIONAL, (), None, 0)
    elif kind.endswith("sequence"):
        if not isinstance(value, (list, tuple)):
            hint = "put it into a list"
            raise Error(f"{_of(to)} takes a sequence, got {type(value).__name__}; {hint}", "input", hint=hint)
        elements = (Tensor * len(value))()
        for element, tensor in zip(value, elements):
            tensor.name = to.name
            give(element, "tensor", unseen, tensor, alive)
        alive.append(elements)
        _describe(to, SEQUENCE, (), elements, ctypes.sizeof(elements))
    else:
        array = arrays.as_array(value, unseen)
        if array.dtype.kind in "OSTU":
            strings, kept = _strings(array, to)
            alive += [strings, kept]
            _describe(to, STRING, array.shape, strings, ctypes.sizeof(strings))
            return
        array = arrays.dense(array)
        alive.append(array)
        code = arrays.code_of(array.dtype)
        if code == 0:
            raise Error(f"{_of(to)} is an array of {array.dtype}, which the library does not carry", "input", hint="convert it with astype")
        _describe(to, code, array.shape, array.__array_interface__["data"][0], array.nbytes)


def take(tensor: Tensor, owner: object) -> Any:
    """The value that tensor describes: an array, over memory that owner keeps, or of str; a list; None or what an optional holds."""
    if tensor.dtype in (SEQUENCE, OPTIONAL):
        count = tensor.bytes // ctypes.sizeof(Tensor)
        held = [take(e, owner) for e in (Tensor * count).from_address(tensor.data)] if count else []
        return held if tensor.dtype == SEQUENCE else held[0] if held else None
    shape = tuple(tensor.dims[: tensor.rank])
    if tensor.dtype != STRING:
        return arrays.over(tensor.data, tensor.bytes, shape, arrays.dtype_of(tensor.dtype), owner)
    array = np.empty(shape, object)
    if array.size:
        strings = (String * array.size).from_address(tensor.data)
        array.reshape(-1)[:] = [ctypes.string_at(s.data, s.bytes).decode("utf-8", "surrogateescape") for s in strings]
    return array


def _of(to: Tensor) -> str:
    return repr(to.name.decode())


def _describe(to: Tensor, code: int, shape: tuple, data: object, size: int) -> None:
    to.dtype, to.rank, to.dims, to.bytes = code, len(shape), (ctypes.c_int64 * len(shape))(*shape), size
    to.data = ctypes.cast(data, ctypes.c_void_p) if isinstance(data, ctypes.Array) else data


def _strings(array: np.ndarray, to: Tensor) -> tuple:
    texts = []
    for text in array.reshape(-1).tolist():
        if not isinstance(text, (str, bytes)):
            raise Error(f"{_of(to)} is an array of {array.dtype} that holds {text!r}: expected numbers, or str throughout", "input")
        texts.append(text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text)
    strings = (String * len(texts))()
    for string, text in zip(strings, texts):
        string.data, string.bytes = ctypes.cast(ctypes.c_char_p(text), ctypes.c_void_p), len(text)
    return strings, texts
