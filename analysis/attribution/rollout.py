"""Hidden-state maps of one layer, and of all layers rolled out from the readout to the input."""

from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import Tensor

from analysis.attribution.exact.readout import readout_weights
from analysis.attribution.method import (
    Answer,
    Method,
    Question,
    inside_videomamba,
    layer_number,
    model_input,
    videomamba,
)
from analysis.attribution.token_maps import MapQuery, latim_error, token_map
from analysis.models.videomamba import VideoMamba
from analysis.tracing.layer_trace import LayerTrace
from analysis.tracing.recorder import record
from analysis.tracing.token_positions import CLS_INDEX, on_grid

RESIDUAL_KINDS = ("latim", "exact")
"""Maps of vector lengths, beside which the residual stream has a length of its own."""


def normalised_map(entries: Tensor, residual: Tensor | float = 1.0) -> Tensor:
    """A map (L, L) with the residual connection on its diagonal, its rows summing to 1.

    `residual`: what the connection weighs, one number or one a token (L,).
    """
    length = len(entries)
    weights = torch.as_tensor(residual, dtype=entries.dtype).expand(length)
    mixed = entries + torch.diag(weights)
    return mixed / mixed.sum(1, keepdim=True)


def rollout(maps_from_last: Iterable[Tensor], readout: Tensor) -> Tensor:
    """Share (L,) of each input token in the readout (L,), through normalised maps (L, L).

    The maps come from the last layer to the first, so that one is held at a time. (Abnar and
    Zuidema, arXiv 2005.00928; the product of matrices, applied to the row that is read.)
    """
    row = readout
    for entries in maps_from_last:
        row = row @ entries
    return row


def single_layer(question: Question, *, layer: int) -> Answer:
    """The rows of |alpha| that the readout takes, of one layer (-1 is the last)."""
    model = videomamba(question.model, "Hidden attention")
    number = layer_number(layer, "layer", len(model.layers))
    trace = record(model, model_input(model, question.clip), [number])
    entries = token_map(MapQuery(trace.layer(number)), "hidden attention")
    return _answer(question, _readout(question) @ entries, {"layer": number})


def rolled_out(
    question: Question, *, kind: str, start_layer: int, class_specific: bool, skip: bool = False
) -> Answer:
    """Maps of a kind of `MAPS` multiplied from `start_layer` (0: the first) to the last layer.

    Every map gets the residual connection on its diagonal and rows that sum to 1. Where entries
    are lengths of vectors, the residual stream counts with its own length; elsewhere with 1, as
    published. `class_specific` keeps of each entry the part that raises the logit, by its gradient.
    """
    model = videomamba(question.model, "Rollout")
    depth = len(model.layers)
    numbers = range(layer_number(start_layer, "start_layer", depth), depth)
    trace = record(model, model_input(model, question.clip), numbers)
    upstream = _output_gradients(question, model) if class_specific else {}
    errors = []

    def maps_from_last() -> Iterable[Tensor]:
        for done, number in enumerate(reversed(numbers), start=1):
            layer = trace.layer(number)
            entries = token_map(MapQuery(layer, upstream.get(number), skip), kind)
            yield normalised_map(entries, _residual_weight(layer, kind, class_specific))
            if kind == "latim":
                errors.append(latim_error(layer))
            question.progress(done / len(numbers))

    row = rollout(maps_from_last(), _readout(question))
    settings = {"kind": kind, "start_layer": numbers[0]}
    if errors:
        settings["layer_errors"] = tuple(reversed(errors))
    return _answer(question, row, settings)


def _readout(question: Question) -> Tensor:
    """(L,) weights of the final tokens in what the head reads."""
    model = question.model
    return readout_weights(model.token_grid, model.config.readout, question.clip.dtype)


def _residual_weight(layer: LayerTrace, kind: str, class_specific: bool) -> Tensor | float:
    if kind in RESIDUAL_KINDS and not class_specific:
        return layer.residual.to(layer.z.dtype).norm(dim=-1)
    return 1.0


def _output_gradients(question: Question, model: VideoMamba) -> dict[int, Tensor]:
    """By layer, the gradient (L, D) of the logit with respect to the mixer's output."""
    outputs: list[Tensor] = []
    handles = [
        block.mixer.register_forward_hook(lambda _module, _inputs, out: outputs.append(out))
        for block in model.layers
    ]
    try:
        logit = question.logits(question.clip.clone().requires_grad_())[0, question.target]
    finally:
        for handle in handles:
            handle.remove()
    gradients = torch.autograd.grad(logit, outputs)
    return {number: gradient[0].cpu() for number, gradient in enumerate(gradients)}


def _answer(question: Question, row: Tensor, settings: dict[str, object]) -> Answer:
    return Answer(
        on_grid(row, question.model.token_grid),
        signed=False,
        cls_value=float(row[CLS_INDEX]),
        settings=settings,
    )


def _attention_rollout(question: Question, **settings) -> Answer:
    return rolled_out(question, kind="hidden attention", **settings)


def _implicit_rollout(question: Question, *, skip: bool, **settings) -> Answer:
    answer = rolled_out(question, kind="implicit attention", skip=bool(skip), **settings)
    left_out = ("the bias of the convolution", "the values themselves", "the output projection")
    return replace(answer, omits=left_out if skip else ("the skip D u", *left_out))


def _latim_rollout(question: Question, **settings) -> Answer:
    return rolled_out(question, kind="latim", **settings)


def _exact_rollout(question: Question, **settings) -> Answer:
    return rolled_out(question, kind="exact", **settings)


_SELECTION = "how tokens steer the scans through step sizes, B and C"
_ALPHA_ONLY = ("the convolution", "SiLU", "the gate", "the skip D u", "the values themselves")
_ROLLOUT = {"start_layer": 0, "class_specific": False}
_FOR_A_CLASS = {"start_layer": 0, "class_specific": True}

METHODS = (
    Method(
        "hidden_attention",
        "Hidden attention",
        "hidden state",
        "Which tokens the last layer's recurrence passes on to the readout.",
        "arXiv 2403.01590",
        single_layer,
        {"layer": -1},
        omits=(*_ALPHA_ONLY, "all other layers"),
        check=inside_videomamba,
    ),
    Method(
        "hidden_attention_rollout",
        "Hidden attention, rolled out",
        "hidden state",
        "Hidden attention of every layer, multiplied from the readout back to the input.",
        "arXiv 2403.01590",
        _attention_rollout,
        _ROLLOUT,
        omits=_ALPHA_ONLY,
        check=inside_videomamba,
    ),
    Method(
        "hidden_attention_class",
        "Hidden attention, for the class",
        "hidden state",
        "Hidden attention of every layer, of each entry the part that raises this logit.",
        "arXiv 2403.01590",
        _attention_rollout,
        _FOR_A_CLASS,
        omits=("the convolution", "the skip D u", "evidence against the class"),
        check=inside_videomamba,
    ),
    Method(
        "implicit_attention",
        "Implicit attention",
        "hidden state",
        "Gate, recurrence and convolution of every layer as one attention map, rolled out.",
        "arXiv 2405.16504",
        _implicit_rollout,
        {**_ROLLOUT, "skip": False},
        check=inside_videomamba,
    ),
    Method(
        "latim",
        "LaTIM",
        "hidden state",
        "Lengths of what each token sends another, every tap of the convolution taken alone.",
        "arXiv 2502.15612",
        _latim_rollout,
        _ROLLOUT,
        omits=("what taps of the convolution do together", "biases", "directions of vectors"),
        check=inside_videomamba,
    ),
    Method(
        "exact_rollout",
        "Exact contributions, rolled out",
        "hidden state",
        "Lengths of the exact contributions of every layer, multiplied back to the input.",
        "ours",
        _exact_rollout,
        _ROLLOUT,
        omits=("biases", "directions of vectors", _SELECTION),
        check=inside_videomamba,
    ),
    Method(
        "exact_class_rollout",
        "Exact contributions for the class, rolled out",
        "hidden state",
        "Of the exact contributions of every layer the part that raises this logit, rolled out.",
        "ours",
        _exact_rollout,
        _FOR_A_CLASS,
        omits=("biases", "evidence against the class", _SELECTION),
        check=inside_videomamba,
    ),
)
