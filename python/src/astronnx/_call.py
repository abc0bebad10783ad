"""A call of a model, prepared for inputs and outputs of certain names, so that another run sets little more than addresses."""

from __future__ import annotations

import ctypes
import threading
import time
from ctypes import addressof, byref
from typing import Dict, List, Mapping, Optional, Tuple

import numpy as np

from . import _arrays as arrays
from . import _values as values
from ._library import CError, Error, Owner, Tensor, failure, interruptible, lib

try:
    from ._repeat import Repeat
except ImportError:  # an interpreter without the stable interface, as that without a lock
    Repeat = None

run = lib.astronnx_model_run
RUN = ctypes.cast(run, ctypes.c_void_p).value

SHORT = 0.01
"""Seconds that a signal may wait for."""


class _Slot:
    """An array's place in a call."""

    __slots__ = ("name", "tensor", "shape", "dtype", "dims")

    def __init__(self, name: str, tensor: Tensor) -> None:
        self.name, self.tensor, self.shape, self.dtype = name, tensor, None, None
        tensor.name = name.encode()

    def describe(self, shape: Tuple[int, ...], dtype: np.dtype) -> None:
        code = arrays.code_of(dtype)
        if code == 0:
            hint = "convert it with astype"
            raise Error(f"{self.name!r} is an array of {dtype}, which the library does not carry; {hint}", "input", hint=hint)
        self.dims = (ctypes.c_int64 * len(shape))(*shape)
        t = self.tensor
        t.dtype, t.rank, t.dims, t.bytes = code, len(shape), self.dims, int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        self.shape, self.dtype = shape, dtype

    def point(self, array: np.ndarray) -> None:
        self.tensor.data = array.__array_interface__["data"][0]
        if array.shape != self.shape or array.dtype != self.dtype:
            self.describe(array.shape, array.dtype)


class Call:
    """One thread at a time uses it."""

    def __init__(self, model, inputs: Tuple[str, ...], outputs: Optional[Tuple[str, ...]]) -> None:
        names = tuple(p.name for p in model.outputs) if outputs is None else outputs
        self.handle = model._handle
        self.sent, self.got = (Tensor * len(inputs))(), (Tensor * len(names))()
        self.results, self.error = ctypes.c_void_p(), CError()
        self.ins = [_Slot(name, self.sent[i]) for i, name in enumerate(inputs)]
        self.outs = [_Slot(name, self.got[i]) for i, name in enumerate(names)]
        self.arguments = (
            self.handle, self.sent, len(inputs), self.got, len(names), byref(self.results), byref(self.error),
        )
        self.unseen = [model.unseen(name) for name in inputs]
        self.rules = _rules(model, inputs, names)
        self.short = -1  # so many bytes of inputs were done in a short time
        self.repeat = None  # runs like the last one, where that was short and all outputs were predicted

    def __call__(self, inputs: Mapping[str, object], out: Optional[Dict[str, np.ndarray]]) -> Dict[str, np.ndarray]:
        if self.repeat is not None and out is None:
            made = self.repeat(inputs)
            if type(made) is dict:
                return made
            if made is not None:
                raise failure(self.error)
        self.repeat = None
        alive = [arrays.dense(arrays.as_array(value, unseen)) for value, unseen in zip(inputs.values(), self.unseen)]
        for slot, array in zip(self.ins, alive):
            slot.point(array)
        made = {} if out is None else self.checked(out)
        predicted = self.predict(alive, made)
        short, status = self.run(alive)
        if status:
            self.again(alive, predicted)
            for name in predicted:
                del made[name]
        elif short and len(predicted) == len(self.outs):
            self.prepare(alive)
        return self.collect(made)

    def run(self, alive: List[np.ndarray]) -> Tuple[bool, int]:
        """Runs, on another thread where it may take long and this is the one that handles signals: whether it took little time, and
        the status."""
        size, start = sum(array.nbytes for array in alive), time.monotonic()
        counts = any(array.size == 1 and array.dtype.kind in "iu" for array in alive)  # rounds of a loop, perhaps
        if size <= self.short and not counts or threading.current_thread() is not threading.main_thread():
            status = run(*self.arguments)
        else:
            status = interruptible(self.handle, run, *self.arguments)
        if status == 0 and time.monotonic() - start < SHORT:
            self.short = max(self.short, size)
        return size <= self.short and not counts, status

    def prepare(self, alive: List[np.ndarray]) -> None:
        outputs = [x for slot in self.outs for x in (slot.name, (slot.shape, slot.dtype))]
        addresses = RUN, self.handle.value, addressof(self.sent), addressof(self.got), addressof(self.error)
        try:
            self.repeat = Repeat(
                *addresses, (self.sent, self.got, self.error), np.ndarray, np.empty, {s.name: a for s, a in zip(self.ins, alive)},
                tuple(outputs),
            ).run
        except (TypeError, ValueError, BufferError):  # without Repeat, too many arrays, or of a type that buffers do not know
            pass

    def checked(self, out: Dict[str, np.ndarray]) -> Dict[str, np.ndarray]:
        names = [slot.name for slot in self.outs]
        for name, array in out.items():
            if name not in names:
                raise Error(f"out names {name!r}: the outputs are {', '.join(names)}", "output")
            if not (isinstance(array, np.ndarray) and array.flags.carray and array.dtype.isnative):
                raise Error(f"out[{name!r}] cannot be written in place: expected a writable, row-major array", "output")
        return dict(out)

    def predict(self, alive: List[np.ndarray], made: Dict[str, np.ndarray]) -> List[str]:
        """Points the outputs at arrays: those of made, new ones where the shape is known beforehand, none elsewhere."""
        predicted = []
        for slot, rule in zip(self.outs, self.rules):
            array = made.get(slot.name)
            if array is None and rule is not None:
                dtype, sizes = rule
                try:
                    shape = tuple([s if type(s) is int else alive[s[0]].shape[s[1]] for s in sizes])
                except IndexError:  # an input of too few axes, which the library refuses
                    shape = (0,)
                if 0 not in shape:
                    made[slot.name] = array = np.empty(shape, dtype)
                    predicted.append(slot.name)
            if array is None:
                slot.tensor.data = None
            else:
                slot.point(array)
        return predicted

    def again(self, alive: List[np.ndarray], predicted: List[str]) -> None:
        """The model may have declared another shape than it computes: the library allocates, and does from now on."""
        first = failure(self.error)
        if not predicted or first.code not in ("engine", "output"):
            raise first
        for slot in self.outs:
            if slot.name in predicted:
                slot.tensor.data = None
        if self.run(alive)[1]:
            raise first
        self.rules = [None] * len(self.outs)

    def collect(self, made: Dict[str, np.ndarray]) -> Dict[str, np.ndarray]:
        if self.results.value is None:
            return made if len(made) == 1 else {slot.name: made[slot.name] for slot in self.outs}
        owner = Owner(lib.astronnx_results_close, self.results.value)
        self.results.value = None
        every = {}
        for slot in self.outs:
            if slot.name in made:
                every[slot.name] = made[slot.name]
            else:
                every[slot.name] = values.take(slot.tensor, owner)
                slot.shape = None  # the library described it
        return every


def plain(port) -> bool:
    """Whether a port is for an array of numbers, as far as the model says."""
    return port.kind == "tensor" and port.dtype != object


class ValuesCall(Call):
    """One of a model whose inputs are not all arrays of numbers. It prepares less."""

    def __init__(self, model, inputs: Tuple[str, ...], outputs: Optional[Tuple[str, ...]]) -> None:
        super().__init__(model, inputs, outputs)
        kinds = {port.name: port.kind for port in model.inputs}
        self.kinds = [kinds.get(name, "tensor") for name in inputs]

    def __call__(self, inputs: Mapping[str, object], out: Optional[Dict[str, np.ndarray]]) -> Dict[str, object]:
        alive: List[object] = []
        for slot, value, kind, unseen in zip(self.ins, inputs.values(), self.kinds, self.unseen):
            values.give(value, kind, unseen, slot.tensor, alive)
        made = {} if out is None else self.checked(out)
        for slot in self.outs:
            if slot.name in made:
                slot.point(made[slot.name])
            else:
                slot.tensor.data = None
        if threading.current_thread() is threading.main_thread():
            status = interruptible(self.handle, run, *self.arguments)
        else:
            status = run(*self.arguments)
        if status:
            raise failure(self.error)
        return self.collect(made)


def _rules(model, inputs: Tuple[str, ...], outputs: Tuple[str, ...]) -> list:
    """For each output its type and sizes, numbers or (input, axis), if they follow from the inputs' sizes; else None."""
    where = {}
    for i, name in enumerate(inputs):
        for port in model.inputs:
            if port.name == name and not port.optional:
                for axis, size in enumerate(port.shape or ()):
                    if isinstance(size, str):
                        where.setdefault(size, (i, axis))
    ports = {p.name: p for p in model.outputs}
    rules = []
    for name in outputs:
        port = ports.get(name)
        if port is None or not plain(port) or port.dtype is None or port.shape is None:
            rules.append(None)
            continue
        sizes = [s if isinstance(s, int) else where.get(s) for s in port.shape]
        rules.append(None if None in sizes else (port.dtype, sizes))
    return rules
