"""Toy models whose answers are known: linear in the clip, or the mean of one planted tube."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from analysis.layers.token_grid import TokenGrid
from analysis.models import create_model


class LinearModel(nn.Module):
    """Logits <w_c, clip> + b_c over clips (B, 3, 4, 6, 6): 2 x 3 x 3 tokens of 2 x 2 x 2 pixels."""

    def __init__(self, weight: torch.Tensor):
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.tensor([0.3, -0.2], dtype=weight.dtype))
        self.token_grid = TokenGrid(2, 3, 3)
        self.config = SimpleNamespace(num_frames=4)

    def forward(self, clips):
        return torch.einsum("bctij,kctij->bk", clips, self.weight) + self.bias

    def unit_terms(self, clip, target):
        """What each token adds to a logit: (t, h, w)."""
        terms = (self.weight[target] * clip).sum(0).detach()
        return terms.reshape(2, 2, 3, 2, 3, 2).sum((1, 3, 5)).numpy()


@pytest.fixture
def linear_model():
    generator = torch.Generator().manual_seed(0)
    return LinearModel(torch.randn(2, 3, 4, 6, 6, generator=generator).double())


@pytest.fixture
def linear_clips():
    return torch.randn(3, 3, 4, 6, 6, generator=torch.Generator().manual_seed(1)).double()


@pytest.fixture
def tube_model(linear_model):
    """Logit 0 is the mean of the tube at row 1, column 2; logit 1 is 0."""
    with torch.no_grad():
        linear_model.weight.zero_()
        linear_model.weight[0, :, :, 2:4, 4:6] = 1 / 48
        linear_model.bias.zero_()
    return linear_model


TUBE = (slice(None), 1, 2)
"""The planted tube on a token grid (t, h, w)."""


def planted_tube_videomamba() -> nn.Module:
    """A VideoMamba in which one tube alone, `TUBE` of a 3 x 3 x 3 grid, reaches logit 0.

    Of the 4 channels of a token, 0 is what the patch shows, 1 says by the position table whether
    the token is in the tube, 2 is what both layers write and the head reads, 3 keeps the norm
    from depending much on the rest. Keys B are open in the tube alone; queries C and the gate are
    open everywhere, steps and decays are the same everywhere, and no bias is anywhere.
    """
    model = create_model(
        "videomamba_debug",
        num_frames=3,
        image_size=12,
        patch_size=4,
        width=4,
        depth=2,
        state_size=1,
        conv_width=1,
        expand=1,
        num_classes=2,
        readout="mean",
    ).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.patch_embed.proj.weight[0] = 1 / 48
        position = torch.full((1, 10, 4), -2.0)
        position[0, 1 + 1 * 3 + 2, 1] = 2.0
        position[..., 0], position[..., 2] = 0.0, 0.0
        position[..., 3] = 4.0
        model.pos_embed.copy_(position)
        for block in model.layers:
            block.norm.weight.fill_(1.0)
            _fill_mixer(block.mixer)
        model.norm_f.weight.fill_(1.0)
        model.head.weight[0, 2] = 20.0
    return model


def _fill_mixer(mixer) -> None:
    # x: channel 0 carries the patch, channel 1 the flag, channel 2 a constant; z: the gate.
    mixer.in_proj.weight[0, 0] = 4.0
    mixer.in_proj.weight[1, 1] = 20.0
    mixer.in_proj.weight[2, 3] = 1.0
    mixer.in_proj.weight[4, 3] = 1.0
    for suffix in ("", "_b"):
        mixer.get_submodule(f"conv1d{suffix}").weight.fill_(1.0)
        x_proj = mixer.get_submodule(f"x_proj{suffix}").weight
        x_proj[mixer.delta_rank, 1] = 1.0  # B opens where the flag is up
        x_proj[mixer.delta_rank + 1, 2] = 1.0  # C is open everywhere
        mixer.get_parameter(f"A{suffix}_log").fill_(-2.0)
    mixer.out_proj.weight[2, 0] = 1e-3  # small beside channel 3, so that the norm stays linear


@pytest.fixture
def tube_videomamba():
    return planted_tube_videomamba()
