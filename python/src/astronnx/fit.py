"""Training: a network, a loss, and data."""

from __future__ import annotations

import ctypes
import math
import os
import sys
import time
from ctypes import CFUNCTYPE, POINTER, byref, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple, Union

from . import _arrays as arrays
from ._library import CError, Closer, CPort, Entry, Error, Options, _declare, call, failure, lib
from ._samples import Data, Samples, Source
from ._turns import Turns
from .model import Port, engine_options, port_of

__all__ = ["Epoch", "Fit", "Progress", "Report", "Samples"]


class Epoch(NamedTuple):
    """A row of a run's history."""

    epoch: int
    """From 0."""
    steps: int
    """Changes of the weights by its end."""
    loss: float
    """Mean over its steps, each before its change."""
    validation: float
    """Loss of the validation data at its end; NaN without such data."""
    rate: float
    """Learning rate of its last step."""
    seconds: float
    """Of the run by its end, earlier sessions included."""


class Progress(NamedTuple):
    """How far a run is, after a step."""

    epoch: int
    """Of the step, from 0."""
    epochs: int
    step: int
    """In the epoch, from 0."""
    steps: int
    """In an epoch."""
    loss: float
    """Of the batch, before the step."""
    mean: float
    """Of the losses over the epoch so far."""
    rate: float
    """Learning rate."""
    seconds: float
    """Since the run began, earlier sessions included."""
    left: float
    """About so many seconds to go."""
    done: Optional[Epoch]
    """The epoch's row of the history, after its last step; else None."""


class Report(NamedTuple):
    """What a run came to."""

    history: List[Epoch]
    best_epoch: Optional[int]
    """That with the smallest loss, from 0; None: no epoch has ended."""
    best_loss: float
    """Of the validation data, without them of training."""
    steps: int
    """Changes of the weights, earlier sessions included."""
    resumed: int
    """Those of earlier sessions."""
    seconds: float
    stopped: Optional[str]
    """What ended the run before its last epoch: "patience" or "callback"; None: nothing did, or cancel."""
    engine: str
    """What ran the steps, a line a fact."""


class _FitOptions(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t), ("loss", c_char_p), ("optimizer", c_char_p), ("rate", c_double), ("decay", c_double),
        ("engine", POINTER(Options)),
    ]


class _FitInfo(ctypes.Structure):
    _fields_ = [
        ("fields", POINTER(CPort)), ("n_fields", c_size_t), ("n_inputs", c_size_t), ("metadata", POINTER(Entry)), ("n_metadata", c_size_t),
    ]


class _Epoch(ctypes.Structure):
    _fields_ = [
        ("epoch", c_int64), ("steps", c_int64), ("loss", c_double), ("validation", c_double), ("rate", c_double), ("seconds", c_double),
    ]


class _Progress(ctypes.Structure):
    _fields_ = [
        ("epoch", c_int64), ("epochs", c_int64), ("step", c_int64), ("steps", c_int64), ("loss", c_double), ("mean", c_double),
        ("rate", c_double), ("seconds", c_double), ("left", c_double), ("done", POINTER(_Epoch)),
    ]


_TELL = CFUNCTYPE(c_int32, c_void_p, POINTER(_Progress))


class _RunOptions(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t), ("epochs", c_int64), ("batch", c_int64), ("validation", POINTER(Data)), ("schedule", c_char_p),
        ("patience", c_int64), ("seed", c_uint64), ("checkpoint", c_char_p), ("every", c_int64), ("accumulate", c_int64),
        ("clip_norm", c_double), ("clip_value", c_double), ("ema", c_double), ("freeze", POINTER(c_char_p)), ("n_freeze", c_size_t),
        ("progress", _TELL), ("user", c_void_p),
    ]


class _Report(ctypes.Structure):
    _fields_ = [
        ("history", POINTER(_Epoch)), ("n_history", c_size_t), ("best_epoch", c_int64), ("best_loss", c_double), ("steps", c_int64),
        ("resumed", c_int64), ("seconds", c_double), ("stopped", c_int32), ("callback", c_int32), ("engine", c_char_p),
    ]


_declare("astronnx_fit_open", c_char_p, c_void_p, c_void_p)
_declare("astronnx_fit_open_bytes", c_char_p, c_size_t, c_void_p, c_void_p)
_declare("astronnx_fit_info_of", c_void_p, c_void_p)
_declare("astronnx_fit_run", c_void_p, c_void_p, c_void_p, c_void_p)
_declare("astronnx_fit_cancel", c_void_p)
_declare("astronnx_fit_export", c_void_p, c_char_p, c_int32)
_declare("astronnx_fit_close", c_void_p)


class Fit(Closer):
    """A training of a neural network.

        fit = astronnx.Fit("net.onnx", loss="huber", optimizer="adam", rate=1e-3)
        report = fit.run({"map": maps, "target": parameters}, epochs=40, validation=held, checkpoint="run")
        fit.export("tau.onnx")

    Args:
        model: path of the network's file in inference form, as PyTorch writes it, or its bytes. Its sizes are fixed, the first of each
            input aside, which counts samples.
        loss: "mse", "mae", "huber[:DELTA]", "bce[:WEIGHT]", "bce-logits[:WEIGHT,...]", "cross-entropy[:WEIGHT,...]", "masked-mse",
            "gaussian-nll", "moments" or "log-moments".
        optimizer: "adam", "adamw", "sgd", "momentum[:MU]", "nesterov[:MU]" or "rmsprop[:ALPHA]".
        rate: learning rate.
        decay: of weights; with adamw decoupled from the gradient.
        threads, engine, library, provider, device, fallback: what runs the steps, see Model.

    A fit runs once at a time. Close it, or use it in a with statement, to have its memory back at once.
    """

    def __init__(
        self, model: Union[str, os.PathLike, bytes], *, loss: str = "mse", optimizer: str = "adam", rate: float = 1e-3, decay: float = 0.0,
        threads: int = 0, engine: Optional[str] = None, library: Union[str, os.PathLike, None] = None, provider: Optional[str] = None,
        device: int = 0, fallback: bool = False,
    ) -> None:
        self._handle = c_void_p()
        runs_on = engine_options(engine, library, provider, device, threads, fallback)
        options = _FitOptions(ctypes.sizeof(_FitOptions), loss.encode(), optimizer.encode(), rate or math.nan, decay, ctypes.pointer(runs_on))
        if isinstance(model, bytes):
            call(lib.astronnx_fit_open_bytes, model, len(model), byref(options), byref(self._handle))
        else:
            call(lib.astronnx_fit_open, os.fsencode(model), byref(options), byref(self._handle))
        pointer = POINTER(_FitInfo)()
        call(lib.astronnx_fit_info_of, self._handle, byref(pointer))
        info = pointer.contents
        fields = [port_of(info.fields[i]) for i in range(info.n_fields)]
        metadata = {info.metadata[i].key.decode(): info.metadata[i].value.decode("utf-8", "replace") for i in range(info.n_metadata)}
        self._unseen = [float(metadata.get(f"astronnx.{f.name}.unseen", arrays.UNSEEN)) for f in fields]
        self.inputs: List[Port] = fields[: info.n_inputs]
        """What the network reads of each sample; the first axis counts samples."""
        self.targets: List[Port] = fields[info.n_inputs :]
        """What the loss compares its outputs with, in the data beside the inputs: "target", with masked-mse "mask" too."""
        self.report: Optional[Report] = None
        """Of the last run, also of one that an exception has ended; None before the first step."""

    def run(
        self, data: object, *, epochs: int = 1, batch: int = 32, validation: object = None,
        progress: Union[Callable[[Progress], object], bool, None] = None, checkpoint: Union[str, os.PathLike, None] = None,
        schedule: str = "constant", patience: int = 0, seed: int = 0, every: int = 0, accumulate: int = 1, clip_norm: float = 0.0,
        clip_value: float = 0.0, ema: float = 0.0, freeze: Union[str, Sequence[str]] = (),
    ) -> Report:
        """Trains from the network's own weights, or from a checkpoint.

        Args:
            data: the fields of all samples, by the names of inputs and targets or in their order: a dict or tuple of arrays
                (samples, ...), which are read where they are if they are row-major and of the field's type. Or a dataset, whose len
                is the number of samples and whose [i] gives the fields of sample i, without the first axis. Or Samples, which gives
                them by the batch. Masked pixels become UNSEEN, or what the network's metadata name instead; float16 stays in memory
                as it is.
            epochs: how often all samples are gone through.
            batch: samples a step. Those of an epoch that make no batch are left out of it.
            validation: data that are not learned from. Their loss, else that of training, decides which epoch is best, and what
                patience and the schedule plateau see.
            progress: is called with a Progress after each step; the run ends if it returns True. None: a line on stderr, if that is a
                terminal; True: in any case; False: nothing.
            checkpoint: folder for checkpoints, history.csv and TensorBoard events. Where it holds a checkpoint of the same run, the
                run goes on from there: on the same engine with as many threads it ends at the same bits as an unbroken one.
            schedule: of the rate: "constant", "step:EPOCHS:FACTOR", "exponential:FACTOR", "cosine[:LOW]", "warm-up:STEPS[:SCHEDULE]",
                "triangular:LOW:UP:DOWN" or "plateau[:FACTOR:PATIENCE:REST:LOW]".
            patience: ends the run after so many epochs without a smaller loss; 0: never.
            seed: of the order of samples and of dropout.
            every: steps after which a checkpoint is written, besides those at the end of epochs and of the run; 0: not.
            accumulate: batches whose gradients make one step.
            clip_norm, clip_value: bounds of the gradients' norm and of their elements; 0: none.
            ema: decay, near 1, of running means of the weights, which are then what is kept; 0: none.
            freeze: names or patterns of weights that stay.

        Datasets and progress are called on this thread, batches being asked for ahead of their use and in any order. An exception
        that one of them raises, or a signal's handler as that of Ctrl-C, ends the run with a checkpoint and is raised here, unchanged;
        a second Ctrl-C does not wait for data.
        """
        turns = Turns(lambda: lib.astronnx_fit_cancel(self._handle, None))
        fields = [*self.inputs, *self.targets]
        training = Source(data, fields, self._unseen, turns)
        held = None if validation is None else Source(validation, fields, self._unseen, turns)
        line = None
        if progress is True or progress is None and sys.stderr is not None and sys.stderr.isatty():
            progress = line = _Line()
        tell = _TELL()
        if callable(progress):
            tell = _TELL(lambda _user, p: turns.ask(_told, progress, p.contents))
        patterns = [freeze] if isinstance(freeze, str) else list(freeze)
        options = _RunOptions(  # where 0 is wrong it is no default either
            ctypes.sizeof(_RunOptions), epochs or -1, batch or -1, None if held is None else ctypes.pointer(held.struct), schedule.encode(), patience,
            seed, None if checkpoint is None else os.fsencode(checkpoint), every, accumulate or -1, clip_norm, clip_value, ema,
            (c_char_p * len(patterns))(*[p.encode() for p in patterns]), len(patterns), tell,
        )
        pointer, error = POINTER(_Report)(), CError()
        try:
            status = turns.wait(
                lambda: lib.astronnx_fit_run(self._handle, byref(training.struct), byref(options), byref(pointer), byref(error)))
        finally:
            if line is not None:
                line.end()
            if pointer:
                self.report = _report(pointer.contents)
        if status:
            raise failure(error)
        if self.report is None or not pointer:
            raise Error("the fit was closed while it ran", "closed")
        return self.report

    def export(self, path: Union[str, os.PathLike], *, last: bool = False) -> None:
        """Writes the network with the weights of the best epoch, or of the end of the last run, to a file for any runtime.

        Training is gone from it, and every engine at hand has shown that it computes what the network computes before it is written.
        """
        call(lib.astronnx_fit_export, self._handle, os.fsencode(path), last)

    def cancel(self) -> None:
        """Ends the run that is under way on another thread, with a checkpoint: it raises an Error with the code "canceled"."""
        call(lib.astronnx_fit_cancel, self._handle)

    def close(self) -> None:
        """Releases the fit; a run under way ends first. Later calls raise an Error with the code "closed"."""
        if self._handle:
            lib.astronnx_fit_close(self._handle, None)

    def __repr__(self) -> str:
        def show(ports: Sequence[Port]) -> str:
            return ", ".join(f"{p.name}: {p.dtype}{list(p.shape)}" for p in ports)

        return f"<astronnx.Fit ({show(self.inputs)}) to ({show(self.targets)})>"


def _epoch(c: _Epoch) -> Epoch:
    return Epoch(c.epoch, c.steps, c.loss, c.validation, c.rate, c.seconds)


def _told(progress: Callable[[Progress], object], c: _Progress) -> int:
    done = _epoch(c.done.contents) if c.done else None
    told = Progress(c.epoch, c.epochs, c.step, c.steps, c.loss, c.mean, c.rate, c.seconds, c.left, done)
    return 1 if progress(told) is True else 0


def _report(c: _Report) -> Report:
    stopped = "callback" if c.callback else "patience" if c.stopped else None
    best: Tuple[Optional[int], float] = (c.best_epoch, c.best_loss) if c.best_epoch >= 0 else (None, math.nan)
    return Report([_epoch(c.history[i]) for i in range(c.n_history)], *best, c.steps, c.resumed, c.seconds, stopped, c.engine.decode())


class _Line:
    """Progress as one line of a terminal, ten times a second."""

    def __init__(self) -> None:
        import shutil  # which takes longer to import than the rest of the package

        self.width = shutil.get_terminal_size().columns - 1
        self.next, self.validation, self.shown = 0.0, "", False

    def __call__(self, p: Progress) -> None:
        if p.done is not None and not math.isnan(p.done.validation):
            self.validation = f"  validation {p.done.validation:.4g}"
        now = time.monotonic()
        if now < self.next and p.done is None:
            return
        self.next, self.shown = now + 0.1, True
        text = f"epoch {p.epoch + 1}/{p.epochs}  step {p.step + 1}/{p.steps}  loss {p.mean:.4g}{self.validation}  rate {p.rate:.3g}"
        text += f"  {p.left:.0f} s left"
        sys.stderr.write("\r" + text[: self.width].ljust(self.width))
        sys.stderr.flush()

    def end(self) -> None:
        if self.shown:
            sys.stderr.write("\n")
