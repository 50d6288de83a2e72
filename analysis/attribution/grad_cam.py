"""Grad-CAM on the tokens of a layer, for every kind of model that has a card."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from analysis.attribution.method import (
    Answer,
    AttributionError,
    Method,
    Question,
    layer_number,
    model_input,
)
from analysis.models.clip_adapters import ClipAdaptersConfig
from analysis.models.moma_config import ATTEND, MomaConfig
from analysis.models.videomamba import VideoMambaConfig
from analysis.models.vmamba import VMambaConfig

_OMITS = ("where the layers before took it from", "evidence against the class")


@dataclass(frozen=True, eq=False)
class _Seen:
    """One forward pass and the tokens of a layer that its logits came from.

    logits: (1, num_classes). tokens: (1, ..., D), in the graph of the logits. patches: what of
    (1, ..., D) counts, (1, P, D) with the patches last. finer: how many tokens of the grid, down
    and across, one of these stands for.
    """

    logits: Tensor
    tokens: Tensor
    layer: int
    patches: Callable[[Tensor], Tensor]
    finer: int = 1


def grad_cam(question: Question, *, layer: int, relu: bool) -> Answer:
    """Tokens weighted by the mean gradient of each of their channels, summed over channels.

    `layer` (-1 is the last) says whose tokens, and `relu` keeps positive evidence only, as
    published. A model whose answer is read from class tokens has no gradient at the patches after
    its last layer; there they are the patches that the layer reads:

    - VideoMamba and Vim: what the mixer of the layer reads, CLS among it;
    - MoMa: what a layer of the tower and its modulation leave, or what the layer finds where class
      tokens are read out;
    - other models over a frozen CLIP: the patches that the layer finds;
    - VMamba: what a stage leaves. The tokens of later stages are coarser than the grid; what one
      gets stands at all tokens that it covers.
    """
    check_has_tokens(question.model.config, "Grad-CAM")
    seen = _reader(question.model.config)(question, layer)
    (slope,) = torch.autograd.grad(seen.logits[0, question.target], seen.tokens)
    channels = seen.patches(slope).mean(1, keepdim=True)
    weighted = (seen.patches(seen.tokens) * channels).sum(-1)[0].detach()
    weighted = weighted.clamp(min=0) if relu else weighted
    grid = question.model.token_grid
    omits = _OMITS[: 1 + bool(relu)]
    if seen.finer > 1:
        omits = (*omits, f"what is finer than {seen.finer} x {seen.finer} patches")
    cls = weighted[: -_patches(question, seen.finer)]
    return Answer(
        _on_fine_grid(weighted[len(cls) :], grid, seen.finer),
        signed=not relu,
        cls_value=float(cls) if len(cls) else None,
        omits=omits,
        settings={"layer": seen.layer},
    )


def check_has_tokens(config: Any, title: str) -> None:
    """Raises AttributionError, naming the `title`, for models whose layers are not known here."""
    if _reader(config) is None:
        raise AttributionError(
            f"{title} reads the tokens of layers that it knows, of VideoMamba, Vim, VMamba, MoMa "
            "and other models over a frozen CLIP, which this model has not; choose another "
            "gradient method."
        )


def _reader(config: Any) -> Callable[[Question, int], _Seen] | None:
    return next((read for kind, read in _READERS.items() if isinstance(config, kind)), None)


def _of_videomamba(question: Question, layer: int) -> _Seen:
    layers = question.model.layers
    number = layer_number(layer, "layer", len(layers))
    logits, (_, tokens) = _watched(question, layers[number].norm)
    return _Seen(logits, tokens, number, lambda x: x)


def _of_vmamba(question: Question, layer: int) -> _Seen:
    stages = question.model.layers
    number = layer_number(layer, "layer", len(stages))
    logits, (_, tokens) = _watched(question, stages[number].blocks)
    return _Seen(logits, tokens, number, lambda x: x.flatten(1, -2), finer=2**number)


def _of_clip_adapters(question: Question, layer: int) -> _Seen:
    layers = question.model.adapters
    number = layer_number(layer, "layer", len(layers))
    logits, ((_, tokens), _) = _watched(question, layers[number])
    return _Seen(logits, tokens, number, lambda x: x[:, :, 1:].flatten(1, -2))


def _of_moma(question: Question, layer: int) -> _Seen:
    model = question.model
    number = layer_number(layer, "layer", model.config.layers)
    steps = list(model.steps(question.clip.clone().requires_grad_()))
    found = [at - 1 for at, step in enumerate(steps) if step.kind == ATTEND]
    left = [*found[1:], len(steps) - 1]
    at = (found if model.config.readout == "cls" else left)[number]
    logits = model.head(model.directions(steps[-1]))
    return _Seen(logits, steps[at].patches, number, lambda x: x.flatten(1, -2))


_READERS: dict[type, Callable[[Question, int], _Seen]] = {
    VideoMambaConfig: _of_videomamba,
    VMambaConfig: _of_vmamba,
    ClipAdaptersConfig: _of_clip_adapters,
    MomaConfig: _of_moma,
}
"""By kind of configuration."""


def _watched(question: Question, module: nn.Module) -> tuple[Tensor, tuple[Any, Any]]:
    """The logits of the clip, with the positional arguments of a module and what it gave."""
    calls = []
    handle = module.register_forward_hook(lambda _module, *call: calls.append(call))
    try:
        logits = question.model(model_input(question.model, question.clip.clone().requires_grad_()))
    finally:
        handle.remove()
    (call,) = calls
    return logits, call


def _patches(question: Question, finer: int) -> int:
    grid = question.model.token_grid
    return grid.t * -(-grid.h // finer) * -(-grid.w // finer)


def _on_fine_grid(values: Tensor, grid: Any, finer: int) -> Tensor:
    """Values of coarse patches (P,), rows one after the other, at the tokens (t, h, w) covered."""
    coarse = values.view(grid.t, -(-grid.h // finer), -(-grid.w // finer))
    rows, columns = (torch.arange(side, device=values.device) // finer for side in (grid.h, grid.w))
    return coarse[:, rows][:, :, columns]


METHODS = (
    Method(
        "grad_cam",
        "Grad-CAM",
        "gradient",
        "Which tokens of a late layer carry the channels that raise the logit.",
        "arXiv 1610.02391",
        grad_cam,
        {"layer": -1, "relu": True},
        omits=_OMITS,
        check=check_has_tokens,
    ),
)
