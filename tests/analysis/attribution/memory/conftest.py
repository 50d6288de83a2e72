"""A traced layer whose step sizes and rates a test sets by hand."""

from dataclasses import replace

import pytest
import torch

from analysis.models import create_model
from analysis.tracing.recorder import record


@pytest.fixture(scope="session")
def make_layer():
    """The last layer of a disturbed float64 model of 3 x 2 x 3 patches and CLS."""

    def make(scan_order="spatial_first"):
        with torch.random.fork_rng():
            torch.manual_seed(1)
            model = create_model(
                "videomamba_debug",
                scan_order=scan_order,
                depth=2,
                width=8,
                num_frames=3,
                image_size=(8, 12),
                state_size=3,
            ).double()
            for parameter in model.parameters():
                parameter.data += 0.3 * torch.randn_like(parameter)
            return record(model, torch.randn(3, 3, 8, 12, dtype=torch.float64)).layer(-1)

    return make


@pytest.fixture(scope="session")
def constant_scan(make_layer):
    """A forward scan with one step size everywhere, and its rates replaced where given."""

    def make(step, rates=None):
        scan = make_layer().scans[0]
        A = scan.A if rates is None else -torch.tensor(rates, dtype=scan.A.dtype).expand_as(scan.A)
        return replace(scan, dt=torch.full_like(scan.dt, step), A=A)

    return make
