"""How fast a model's states fade: the mean of step size times |A|, measured on a clip."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from analysis.layers.mixer import BidirectionalMixer


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

    def add(self, mixer: BidirectionalMixer, suffix: str, selection: Tensor) -> None:
        """Take in one direction ("" or "_b"); `selection` (B, L, R + 2N) is its x_proj's output."""
        dt_proj = mixer.get_submodule(f"dt_proj{suffix}")
        step = F.linear(selection[..., : mixer.delta_rank], dt_proj.weight, dt_proj.bias)
        mean_step = F.softplus(step).mean(dim=(0, 1))
        mean_rate = mixer.get_parameter(f"A{suffix}_log").exp().mean(dim=1)
        self._total += (mean_step * mean_rate).mean().item()
        self._count += 1


@contextmanager
def recorded_decay_rate(model: nn.Module) -> Iterator[DecayRate]:
    """Inside the block every forward pass of `model` adds to the rate that is given.

    The hooks are taken down at the end, also after an error.
    """
    rate = DecayRate()
    handles = []
    try:
        for module in model.modules():
            if isinstance(module, BidirectionalMixer):
                handles += [_hook(module, suffix, rate) for suffix in ("", "_b")]
        yield rate
    finally:
        for handle in handles:
            handle.remove()


def _hook(mixer: BidirectionalMixer, suffix: str, rate: DecayRate):
    @torch.no_grad()
    def take(_module, _inputs, output: Tensor) -> None:
        rate.add(mixer, suffix, output)

    return mixer.get_submodule(f"x_proj{suffix}").register_forward_hook(take)
