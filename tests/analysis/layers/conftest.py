"""A scan of random numbers, for adaptors of its states."""

import pytest
import torch

from analysis.ops.scan_states import ScanInputs


@pytest.fixture
def make_scan():
    """Builds the inputs of one direction; decays lie between a tenth and one."""

    def make(length, channels=8, states=3, batch=2, reverse=False, dtype=torch.float64):
        generator = torch.Generator().manual_seed(0)

        def normal(*shape):
            return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

        rates = torch.rand(channels, states, generator=generator, dtype=torch.float64).to(dtype)
        return ScanInputs(
            u=normal(batch, channels, length),
            delta=normal(batch, channels, length),
            A=-rates,
            B=normal(batch, states, length),
            C=normal(batch, states, length),
            D=normal(channels),
            delta_bias=normal(channels),
            reverse=reverse,
        )

    return make
