"""What a network may learn from, as the library takes it."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from ctypes import CFUNCTYPE, POINTER, c_int32, c_int64, c_size_t, c_void_p
from typing import Callable, List, Sequence

import numpy as np

from . import _arrays as arrays
from ._library import Error, Tensor
from ._turns import Turns
from .model import Port

READ = CFUNCTYPE(c_int32, c_void_p, POINTER(c_int64), c_size_t, POINTER(Tensor), c_size_t)


class Data(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("fields", POINTER(Tensor)), ("n_fields", c_size_t), ("read", READ), ("user", c_void_p)]


class Samples:
    """Samples that a function makes when they are asked for.

    Args:
        n: how many there are.
        read: gets the numbers of samples, an int64 array (batch,) with values from 0 to n - 1, and returns their fields, by name or in
            order, as arrays (batch, ...). A sample depends on its number alone.
    """

    def __init__(self, n: int, read: Callable[[np.ndarray], object]) -> None:
        self.n, self.read = n, read

    def __len__(self) -> int:
        return self.n

    def __call__(self, index: np.ndarray) -> object:
        return self.read(index)


class Source:
    """Data for a run, and the arrays they are in."""

    def __init__(self, data: object, fields: Sequence[Port], unseen: Sequence[float], turns: Turns) -> None:
        self.fields, self.unseen, self.data = fields, unseen, data
        self.tensors = (Tensor * len(fields))()
        self.struct = Data(ctypes.sizeof(Data), self.tensors, len(fields))
        if isinstance(data, (Mapping, tuple, list)):
            self.kept = [self.place(*each) for each in zip(self.tensors, fields, self.columns(data), unseen)]
            return
        if not hasattr(data, "__len__") or not (callable(data) or hasattr(data, "__getitem__")) or isinstance(data, (str, bytes, np.ndarray)):
            raise TypeError(
                f"data are {type(data).__name__}: expected a dict or tuple of arrays, or what has a length and gives samples by number"
            )
        for tensor, field in zip(self.tensors, fields):
            _describe(tensor, field.name, arrays.code_of(field.dtype), (len(data), *field.shape[1:]))
        fill = self.by_batch if callable(data) else self.one_by_one
        self.struct.read = self.read = READ(lambda _user, index, n, batch, _fields: turns.ask(fill, index[:n], batch))

    def columns(self, sample: object) -> List[object]:
        """The fields of samples in the order of the network's, which they have by name or by place."""
        names = [f.name for f in self.fields]
        if isinstance(sample, Mapping):
            if set(sample) != set(names):
                raise Error(f"the data have the fields {', '.join(map(repr, sample))}: expected {', '.join(map(repr, names))}", "input")
            return [sample[name] for name in names]
        if not isinstance(sample, (tuple, list)) or len(sample) != len(names):
            got = f"{len(sample)} of them" if isinstance(sample, (tuple, list)) else type(sample).__name__
            raise Error(f"expected a dict or tuple of the fields {', '.join(map(repr, names))}, got {got}", "input")
        return list(sample)

    def place(self, tensor: Tensor, field: Port, value: object, unseen: float) -> np.ndarray:
        """Points the library at all samples of a field."""
        array = arrays.as_array(value, unseen)
        if array.ndim > 0:
            array = _fitted(array, (len(array), *field.shape[1:]))
        # The library converts too, batch by batch, which is worth it where the numbers then take less memory.
        if array.dtype != field.dtype and array.dtype != np.float16 and np.can_cast(array.dtype, field.dtype, "same_kind"):
            array = array.astype(field.dtype)
        array = arrays.dense(array)
        code = arrays.code_of(array.dtype)
        if code == 0:
            raise Error(f"field {field.name!r} is an array of {array.dtype}, which the library does not carry", "input", hint="use astype")
        _describe(tensor, field.name, code, array.shape)
        tensor.data, tensor.bytes = array.__array_interface__["data"][0], array.nbytes
        return array

    def by_batch(self, index: List[int], batch) -> int:
        for room, field, value, unseen in zip(self.rooms(index, batch), self.fields, self.columns(self.data(np.array(index))), self.unseen):
            _put(room, value, unseen, f"samples {index[0]}, ...: field {field.name!r}")
        return 0

    def one_by_one(self, index: List[int], batch) -> int:
        rooms = self.rooms(index, batch)
        for k, i in enumerate(index):
            for room, field, value, unseen in zip(rooms, self.fields, self.columns(self.data[i]), self.unseen):
                _put(room[k, ...], value, unseen, f"sample {i}: field {field.name!r}")
        return 0

    def rooms(self, index: List[int], batch) -> List[np.ndarray]:
        return [
            arrays.over(batch[k].data, batch[k].bytes, (len(index), *f.shape[1:]), f.dtype, None) for k, f in enumerate(self.fields)
        ]


def _describe(tensor: Tensor, name: str, code: int, shape: Sequence[int]) -> None:
    tensor.name, tensor.dtype, tensor.rank = name.encode(), code, len(shape)
    tensor.dims = (c_int64 * len(shape))(*shape)


def _fitted(array: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """array in a shape, if they differ by axes of one element alone."""
    if [n for n in array.shape if n != 1] == [n for n in shape if n != 1]:
        return array.reshape(shape)
    return array


def _put(room: np.ndarray, value: object, unseen: float, what: str) -> None:
    if type(value) is np.ndarray and value.shape == room.shape and value.dtype == room.dtype:
        room[...] = value
        return
    array = arrays.as_array(value, unseen)
    fitted = _fitted(array, room.shape)
    if fitted.shape != room.shape:
        raise Error(f"{what} has the shape {array.shape}, expected {room.shape}", "input")
    if not np.can_cast(fitted.dtype, room.dtype, "same_kind"):
        raise Error(f"{what} is of {array.dtype}, expected {room.dtype}", "input", hint="convert it with astype")
    np.copyto(room, fitted, casting="same_kind")
