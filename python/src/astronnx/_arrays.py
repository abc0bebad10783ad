"""NumPy arrays over the library's memory, and what may come in as one."""

from __future__ import annotations

import ctypes

import numpy as np

from ._library import Error

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
    """value as an array: masked pixels become unseen, or NaN where unseen is beyond the type's range; what has __dlpack__ is viewed."""
    if isinstance(value, np.ma.MaskedArray):
        return _filled(value, unseen) if value.mask.any() else value.data
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "__dlpack__"):
        return _viewed(value)
    return np.asarray(value)


def _filled(array: np.ma.MaskedArray, unseen: float) -> np.ndarray:
    kind = array.dtype.kind
    limits = np.finfo(array.dtype) if kind == "f" else np.iinfo(array.dtype) if kind in "iu" else None
    if limits is not None and float(limits.min) <= unseen <= float(limits.max):
        return array.filled(unseen)
    if kind == "f":
        return array.filled(np.nan)
    hint = "call filled with a value that the model knows"
    raise Error(f"an array of {array.dtype} has masked elements, and {unseen} is no {array.dtype}; {hint}", "input", hint=hint)


# Where a tensor may be, as dlpack.h numbers it, and where it is no memory of the processor's.
_DEVICES = {2: "CUDA", 4: "OpenCL", 7: "Vulkan", 8: "Metal", 10: "ROCm", 14: "oneAPI"}


def _viewed(tensor) -> np.ndarray:
    try:
        device, number = tensor.__dlpack_device__()
        if device not in _DEVICES:
            return np.from_dlpack(tensor)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:  # with a gradient, for one, or of a type that NumPy lacks
        raise Error(f"NumPy cannot view the tensor: {error}", "input", hint="convert it to a NumPy array first") from error
    where, hint = f"{_DEVICES[device]} device {number}", "copy it first: tensor.cpu() in PyTorch, cupy.asnumpy(array) in CuPy"
    raise Error(f"the tensor is in the memory of {where}, expected the processor's; {hint}", "input", hint=hint)


def dense(array: np.ndarray) -> np.ndarray:
    """array itself if it is row-major, aligned and in the machine's byte order, else a copy that is."""
    if array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative:
        return array
    return np.array(array, dtype=array.dtype.newbyteorder("="), order="C", ndmin=array.ndim)
