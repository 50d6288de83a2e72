"""Small models for every attribution method, and the clip they are asked about."""

import pytest
import torch
from torch import nn

from analysis.models import create_model

SIZE = {"width": 8, "depth": 2, "num_frames": 4, "image_size": (8, 12), "state_size": 3}
MARKED = (slice(None), 1, 2)
"""The tube that `tube_model` reads: row 1, column 2 of the token grid, in every frame."""


@pytest.fixture(autouse=True)
def one_thread():
    """Tensors here are so small that a second thread only waits."""
    found = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(found)


@pytest.fixture(scope="session")
def disturbed_model():
    """Builds 2 x 2 x 3 patches of tubelet 2 and CLS, every parameter moved at random."""

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


@pytest.fixture
def make_model():
    """Debug models in float64 with everything random: two directions that differ, biases, D.

    Their token grid is 3 x 2 x 3.
    """

    def make(**overrides):
        torch.manual_seed(0)
        size = {"num_frames": 3, "image_size": (8, 12), **overrides}
        model = create_model("videomamba_debug", **size).double().eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += 0.2 * torch.randn_like(parameter)
        return model

    return make


@pytest.fixture(scope="session")
def small_clip():
    return torch.randn(3, 4, 8, 12, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


@pytest.fixture(scope="session")
def tube_model():
    """A VideoMamba whose logit 0 rises with the mean brightness of one tube of patches.

    Channel 0 of a token is its brightness, 1 is constant, 2 marks the tube. In both layers only
    marked tokens have a B, so nothing else is ever written into a state; the states hardly fade
    and channel 3, which the head reads, receives the brightness they hold.
    """
    model = create_model(
        "videomamba_debug", depth=2, num_frames=4, image_size=16, readout="mean", num_classes=2
    )
    for parameter in model.parameters():
        parameter.data.zero_()
    grid = model.token_grid
    with torch.no_grad():
        model.patch_embed.proj.weight[0] = 1 / model.patch_embed.proj.weight[0].numel()
        model.pos_embed[..., 1] = 10
        model.pos_embed[0, 1:, 2].view(grid.h, grid.w)[MARKED[1:]] = 5
        for block in model.layers:
            block.norm.weight.fill_(1)
            _fill_mixer(block.mixer)
        model.norm_f.weight.fill_(1)
        model.head.weight[0, 3] = 1
    return model.eval()


def _fill_mixer(mixer) -> None:
    inner, rank, states = mixer.inner_width, mixer.delta_rank, mixer.state_size
    for source, target in ((0, 0), (2, 1), (1, 2)):
        mixer.in_proj.weight[target, source] = 1
    mixer.in_proj.weight[inner:, 1] = 1
    for suffix in ("", "_b"):
        mixer.get_submodule(f"conv1d{suffix}").weight[:, 0, -1] = 1
        projection = mixer.get_submodule(f"x_proj{suffix}").weight
        projection[rank : rank + states, 1] = 1
        projection[rank + states :, 2] = 1
        mixer.get_submodule(f"dt_proj{suffix}").bias.fill_(-2)
        mixer.get_parameter(f"A{suffix}_log").fill_(-5)
    mixer.out_proj.weight[3, 0] = 1


@pytest.fixture(scope="session")
def tube_clip():
    """Bright in the tube of `tube_model`, dim noise elsewhere."""
    clip = 0.05 * torch.rand(3, 4, 16, 16, generator=torch.Generator().manual_seed(3))
    clip[..., 4:8, 8:12] += 1
    return clip


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
