"""NumPy arrays over the library's memory, and what may come in as one."""

from __future__ import annotations

import ctypes

import numpy as np

UNSEEN = -1.6375e30
"""The value that marks pixels without data, as healpy has it."""

_NAMES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16", 11: "float64",
    12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128",
}
DTYPES = {code: np.dtype(name) for code, name in _NAMES.items()}
CODES = {dtype: code for code, dtype in DTYPES.items()}


def code_of(dtype: np.dtype) -> int:
    """The library's number of an element type; 0 where there is none."""
    code = CODES.get(dtype)
    if code is None:
        code = 16 if dtype.name == "bfloat16" else CODES.get(dtype.newbyteorder("="), 0)
    return code


def dtype_of(code: int) -> np.dtype:
    dtype = DTYPES.get(code)
    if dtype is None:
        if code != 16:
            raise TypeError(f"element type {code} has no counterpart in NumPy")
        import ml_dtypes

        dtype = np.dtype(ml_dtypes.bfloat16)
    return dtype


def over(address: int, size: int, shape, dtype: np.dtype, owner: object) -> np.ndarray:
    """An array over memory that owner keeps."""
    memory = (ctypes.c_char * size).from_address(address)
    memory.owner = owner
    return np.ndarray(shape, dtype, memory)


def as_array(value, unseen: float = UNSEEN) -> np.ndarray:
    """value as an array: masked pixels become unseen, and what has __dlpack__, as PyTorch's and CuPy's tensors, is viewed."""
    if isinstance(value, np.ma.MaskedArray):
        if value.mask is np.ma.nomask:
            return value.data
        return value.filled(np.nan if value.dtype == np.float16 else unseen)
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "__dlpack__"):
        return np.from_dlpack(value)
    return np.asarray(value)


def dense(array: np.ndarray) -> np.ndarray:
    """array itself if it is row-major, aligned and in the machine's byte order, else a copy that is."""
    if array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative:
        return array
    return np.array(array, dtype=array.dtype.newbyteorder("="), order="C", ndmin=array.ndim)
