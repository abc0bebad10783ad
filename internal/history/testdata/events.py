"""Writes events.out.tfevents.golden beside itself with PyPI tensorboard 2.21.0 ("pip install tensorboard"), its protobufs and its writer."""
import os

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

with open(os.path.join(os.path.dirname(__file__), "events.out.tfevents.golden"), "wb") as f:
    w = RecordWriter(f)
    w.write(Event(wall_time=1700000000.5, file_version="brain.Event:2").SerializeToString())
    for step, values in [
        (0, {"loss/train": 1.5, "loss/validation": float("nan")}),
        (1, {"loss/train": 0.1, "loss/validation": 0.0}),
        (300, {"loss/train": -1e-30, "loss/validation": float("inf")}),
    ]:
        summary = Summary(value=[Summary.Value(tag=k, simple_value=v) for k, v in values.items()])
        w.write(Event(wall_time=1700000001.25 + step, step=step, summary=summary).SerializeToString())
    w.flush()
