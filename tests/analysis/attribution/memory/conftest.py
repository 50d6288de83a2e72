"""A traced layer whose step sizes and rates a test sets by hand."""

from dataclasses import replace

import pytest
import torch

from analysis.tracing.recorder import record


@pytest.fixture(scope="session")
def make_layer(make_model, clips):
    """The last layer of a disturbed float64 model of 3 x 2 x 3 patches and CLS."""

    def make(scan_order="spatial_first"):
        return record(make_model(scan_order), clips[0]).layer(-1)

    return make


@pytest.fixture(scope="session")
def constant_scan(make_layer):
    """A forward scan with one step size everywhere, and its rates replaced where given."""

    def make(step, rates=None):
        scan = make_layer().scans[0]
        A = scan.A if rates is None else -torch.tensor(rates, dtype=scan.A.dtype).expand_as(scan.A)
        return replace(scan, dt=torch.full_like(scan.dt, step), A=A)

    return make
