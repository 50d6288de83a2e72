"""A MoMa (arXiv 2506.23283) whose scans have more or less to say, or nothing at all.

A fresh MoMa says nothing: its last projections begin where modulation is the identity. Variants
show how far the tokens, and the answer, follow what the projections say beyond that.
"""

from copy import deepcopy
from dataclasses import replace

import torch
from torch import Tensor

from analysis.layers.modulation import SKIP, Modulator
from analysis.models.moma import Moma


@torch.no_grad()
def strengthened(model: Moma, strength: float) -> Moma:
    """A copy whose modulators say `strength` times as much as the model's.

    Every last projection keeps where it begins and goes `strength` times as far from there: 0 is
    the untouched start (of "max" and "adan_norm" it is no identity), 1 the model itself.
    """
    copy = deepcopy(model)
    for modulator in copy.modulators:
        for parameter, start in _starts(modulator, model.config.fusion):
            parameter.copy_(start + strength * (parameter - start))
    return copy


def _starts(modulator: Modulator, fusion: str) -> list[tuple[Tensor, Tensor]]:
    """The parameters that turn what was scanned into a modulation, and where each begins."""
    projection = modulator.ssm.out_proj
    bias = torch.zeros_like(projection.bias)
    if fusion == "no_skip":
        bias.chunk(2)[0].fill_(1.0)
    pairs = [(projection.weight, torch.zeros_like(projection.weight)), (projection.bias, bias)]
    if fusion == "concat":
        pairs.append((modulator.mix.weight, torch.eye(*modulator.mix.weight.shape)))
    return pairs


@torch.no_grad()
def seeded_mixing(model: Moma, generator: torch.Generator) -> Moma:
    """The model itself, its "concat" fusions mixing in what scans say, as untrained layers do.

    Their mixing weights begin as [identity, 0], with which nothing that scans say is heard. The
    zeros become uniform within 1 / sqrt(2 D), as in any linear layer. Other fusions stay.
    """
    if model.config.fusion == "concat":
        for modulator in model.modulators:
            said = modulator.mix.weight[:, model.config.width :]
            limit = modulator.mix.in_features**-0.5
            said.copy_(limit * (2 * torch.rand(said.shape, generator=generator) - 1))
    return model


def without_scans(model: Moma) -> Moma:
    """The same tower, windows and head without any modulation, in evaluation mode.

    Its tensors are the model's own.
    """
    with torch.random.fork_rng(devices=[]):
        bare = Moma(replace(model.config, fusion=SKIP))
    kept = {name: model.state_dict()[name] for name in bare.state_dict()}
    bare.load_state_dict(kept, assign=True)
    return bare.eval()
