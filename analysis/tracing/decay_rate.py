"""How fast a model's states fade: the mean of step size times |A|, measured on a clip."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from analysis.layers.grid_scan import SelectiveScan
from analysis.layers.mixer import BidirectionalMixer
from analysis.models.vim import AveragingMixer

_SUFFIXES = {BidirectionalMixer: ("", "_b"), AveragingMixer: ("", "_b"), SelectiveScan: ("",)}
"""What the names of parameters end in, by the layer that has them."""


class DecayRate:
    """Running mean of dt * |A| over tokens, channels, states, directions and layers."""

    def __init__(self) -> None:
        self._total = 0.0
        self._count = 0

    @property
    def per_token(self) -> float:
        """The mean rate per scan step; a state keeps exp(-rate) of itself at that rate.

        Raises RuntimeError when no scan was recorded.
        """
        if not self._count:
            raise RuntimeError("no scan was recorded: run the model inside the block")
        return self._total / self._count

    def add(self, mixer: nn.Module, suffix: str, selection: Tensor) -> None:
        """Take in one direction ("" or "_b"); `selection` (B, L, R + 2N) is its x_proj's output.

        A scan of MoMa has the parameters of its paths in one.
        """
        dt_proj = mixer.get_submodule(f"dt_proj{suffix}")
        step = F.linear(selection[..., : mixer.delta_rank], dt_proj.weight, dt_proj.bias)
        mean_step = F.softplus(step).mean(dim=(0, 1))
        mean_rate = mixer.get_parameter(f"A{suffix}_log").exp().mean(dim=1)
        self._total += (mean_step * mean_rate).mean().item()
        self._count += 1


@contextmanager
def recorded_decay_rate(model: nn.Module) -> Iterator[DecayRate]:
    """Inside the block every forward pass of `model` adds to the rate that is given.

    VMamba's cross-scans have no part in it.

    The hooks are taken down at the end, also after an error.
    """
    rate = DecayRate()
    handles = []
    try:
        for module in model.modules():
            suffixes = _SUFFIXES.get(type(module), ())
            handles += [_hook(module, suffix, rate) for suffix in suffixes]
        yield rate
    finally:
        for handle in handles:
            handle.remove()


def _hook(mixer: nn.Module, suffix: str, rate: DecayRate):
    @torch.no_grad()
    def take(_module, _inputs, output: Tensor) -> None:
        rate.add(mixer, suffix, output)

    return mixer.get_submodule(f"x_proj{suffix}").register_forward_hook(take)
