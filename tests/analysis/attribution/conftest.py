"""Small models for every attribution method, and the clip they are asked about."""

from functools import partial

import pytest
import torch
from torch import nn

from analysis.models import create_model

SIZE = {"width": 8, "depth": 2, "num_frames": 4, "image_size": (8, 12), "state_size": 3}


@pytest.fixture(autouse=True, scope="module")
def small_tensors(one_thread):
    """All tests here run in one thread."""


@pytest.fixture(scope="session")
def disturbed_model():
    """Builds 2 x 2 x 3 patches of tubelet 2 and CLS.

    Every parameter is moved at random: two directions that differ in everything, biases, D.
    """

    def make(scan_order="spatial_first", dtype=torch.float64, **fields):
        with torch.random.fork_rng():
            torch.manual_seed(1)
            options = {"tubelet": 2, **SIZE, **fields}
            if options["num_frames"] is None:
                options["tubelet"] = 1
            model = create_model("videomamba_debug", scan_order=scan_order, **options)
            for parameter in model.parameters():
                parameter.data += 0.3 * torch.randn_like(parameter)
        return model.eval().to(dtype)

    return make


@pytest.fixture(scope="session")
def make_model(disturbed_model):
    """The same of 3 x 2 x 3 patches and three layers: a tubelet is one frame."""
    return partial(disturbed_model, num_frames=3, tubelet=1, depth=3)


@pytest.fixture(scope="session")
def small_clip():
    return torch.randn(3, 4, 8, 12, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


@pytest.fixture(scope="session")
def clips():
    """Two clips for `make_model`."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, 3, 8, 12, generator=generator, dtype=torch.float64)


class LinearModel(nn.Module):
    """Logits that are weighted sums of pixels, on a grid of 2 x 2 x 3 patches."""

    def __init__(self, like, weights):
        super().__init__()
        self.config, self.token_grid = like.config, like.token_grid
        self.weights = nn.Parameter(weights)

    def forward(self, clip):
        return torch.einsum("bcthw,kcthw->bk", clip, self.weights)


@pytest.fixture(scope="session")
def linear_model(disturbed_model):
    generator = torch.Generator().manual_seed(4)
    weights = torch.randn(2, 3, 4, 8, 12, generator=generator, dtype=torch.float64)
    return LinearModel(disturbed_model(), weights)
