"""Traces written by hand, and models whose cost is known because they spend it on purpose."""

import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from analysis.ops.region import region
from analysis.profiling.run_profile.trace import read_trace

BACKWARD_S, FORWARD_S = 0.02, 0.03
HELD_FLOATS = 250_000


def kernel(name, start, duration, launched_by) -> dict:
    facts = {"External id": launched_by}
    event = {"ph": "X", "cat": "kernel", "name": name, "pid": 0, "tid": 7, "args": facts}
    return event | {"ts": start, "dur": duration}


def call(name, start, duration, *, number=-1, forward_thread=0, **facts) -> dict:
    """An operator of a trace file; `annotation=True` makes it a name given by code."""
    annotation = facts.pop("annotation", False)
    return {
        "ph": "X",
        "cat": "user_annotation" if annotation else "cpu_op",
        "name": name,
        "pid": 1,
        "tid": facts.pop("thread", 1),
        "ts": start,
        "dur": duration,
        "args": {"Sequence number": number, "Fwd thread id": forward_thread, **facts},
    }


def named(name, start, duration) -> dict:
    return call(name, start, duration, annotation=True)


def memory(time_us, size_bytes, device=0) -> dict:
    facts = {"Bytes": size_bytes, "Device Type": device}
    return {"ph": "i", "name": "[memory]", "pid": 1, "tid": 1, "ts": time_us, "args": facts}


@pytest.fixture
def events() -> SimpleNamespace:
    """What trace files consist of: `call`, `named` (by code), `memory` and `kernel`."""
    return SimpleNamespace(call=call, named=named, memory=memory, kernel=kernel)


@pytest.fixture
def trace_of(tmp_path: Path):
    """Reads a trace of the given events."""

    def read(*events: dict):
        path = tmp_path / "trace.json"
        path.write_text(json.dumps({"traceEvents": list(events)}))
        return read_trace(path)

    return read


class _SlowBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        time.sleep(BACKWARD_S)
        return gradient.clone()


class SpendingModel(nn.Module):
    """Sleeps in `attention` going forward, in `mlp` going backward; `embed` holds a megabyte."""

    forward_ms, backward_ms, held_bytes = 1e3 * FORWARD_S, 1e3 * BACKWARD_S, 4 * HELD_FLOATS

    def __init__(self):
        super().__init__()
        self.config = SimpleNamespace(num_frames=2)
        self.head = nn.Linear(3, 4)

    def forward(self, clip):
        with region("embed"):
            held = torch.zeros(HELD_FLOATS)
        with region("attention"):
            time.sleep(FORWARD_S)
            x = clip.mean((2, 3, 4))
        with region("head"):
            x = self.head(x)
        with region("mlp"):
            x = _SlowBackward.apply(x)
        del held
        return x


@pytest.fixture
def spending_model() -> SpendingModel:
    return SpendingModel()
