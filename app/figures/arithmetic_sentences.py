"""What the bars of arithmetic say, in sentences with their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.figures.number_format import compact, in_thousands, share, significant

if TYPE_CHECKING:  # It brings the models; the page opens without.
    from analysis.profiling.attention_peers import TitledArithmetic
    from analysis.profiling.flops import Arithmetic

WAITING = "The count follows the model, frames and resolution chosen beside."
_LINEAR = {"scan": "scans", "adaptor_t": "memory", "adaptor_s": "convolutions"}
_ATTENTION = ("attention_scores", "attention_values")
"""Parts in which tokens meet other tokens: in step with their number, and with its square."""


def counting_sentence(models: Sequence[TitledArithmetic], printed: float | None) -> str:
    """What the first model's paper sees of it; `printed` are the GFLOPs it prints, if any."""
    if not models:
        return WAITING
    own, title = models[0].arithmetic, models[0].title
    words = f"{title}, {_size(own)}: {in_thousands(own.multiply_adds)} multiply-adds."
    if not own.scans:
        return words
    seen = own.paper_convention / own.multiply_adds
    words += (
        f" The paper's way of counting sees {in_thousands(own.paper_convention)} of them "
        f"({share(seen)}): not the convolution, x projection, step sizes and scans, which run in a "
        f"kernel that its counter does not look into. Here {in_thousands(own.counted)} were "
        f"counted, and {in_thousands(own.added)} for the scans added from a formula."
    )
    if printed is not None:
        words += f" The paper prints {compact(printed)} GFLOPs for these weights and means "
        words += "multiply-adds."
    return words


def peers_sentence(models: Sequence[TitledArithmetic]) -> str:
    """How the attention models compare, and which share of them grows with the square of tokens."""
    if len(models) < 2:
        return "Attention models of the same width appear beside."
    own, *peers = models
    times = "; ".join(
        f"{peer.title} {significant(peer.arithmetic.multiply_adds / own.arithmetic.multiply_adds)}"
        for peer in peers
    )
    words = f"Multiply-adds over those of {own.title}: {times}."
    attending = [peer for peer in peers if _parts(peer.arithmetic) & set(_ATTENTION)]
    if not attending:
        return words
    most = max(attending, key=lambda peer: between_tokens(peer.arithmetic))
    return (
        f"{words} Between tokens {own.title} spends {share(between_tokens(own.arithmetic))} "
        f"({_meetings(own.arithmetic)}, in step with the number of tokens) and {most.title} "
        f"{share(between_tokens(most.arithmetic))} (scores and values, with its square)."
    )


def _parts(arithmetic: Arithmetic) -> set[str]:
    return {part.part for part in arithmetic.parts}


def _meetings(arithmetic: Arithmetic) -> str:
    """Where tokens of a scanning model meet: its windows do not grow with the clip."""
    parts = _parts(arithmetic)
    named = [name for part, name in _LINEAR.items() if part in parts]
    named += ["windows"] if parts & set(_ATTENTION) else []
    return f"its {', '.join(named[:-1])}{' and ' if named[1:] else ''}{named[-1]}"


def parameters_sentence(models: Sequence[TitledArithmetic]) -> str:
    """Where the parameters of the first model are."""
    if not models:
        return "Parameters do not depend on the clip, but for the tables of positions."
    own, title = models[0].arithmetic, models[0].title
    projections = own.parameters.get("in_proj", 0) + own.parameters.get("out_proj", 0)
    return (
        f"{title} has {in_thousands(own.parameter_count)} parameters, "
        f"{share(projections / own.parameter_count)} in its input and output projections and "
        f"{share(own.parameters.get('scan', 0) / own.parameter_count)} in the scan itself (A and "
        f"D).{_peers_size(models)}"
    )


def _peers_size(models: Sequence[TitledArithmetic]) -> str:
    if not any(model.architecture.startswith("timesformer") for model in models):
        return ""
    if "tower" in models[0].arithmetic.parameters:
        return " Attention models beside have the width and the number of blocks of its CLIP."
    return (
        " Attention models beside have the same width and half as many blocks: one of attention "
        "and MLP has about the parameters of two with a scan."
    )


def between_tokens(arithmetic: Arithmetic) -> float:
    """The share of the multiply-adds in which tokens meet other tokens."""
    between = (*_LINEAR, *_ATTENTION)
    work = sum(p.multiply_adds for p in arithmetic.parts if p.part in between)
    return work / arithmetic.multiply_adds


def _size(arithmetic: Arithmetic) -> str:
    height, width = arithmetic.frame_size
    side = f"{height} px" if height == width else f"{height} x {width} px"
    if arithmetic.num_frames is None:
        return f"an image of {side}"
    return f"{arithmetic.num_frames} frames of {side}"
