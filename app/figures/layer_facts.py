"""The proof of a map, and which way a layer's output takes, as short lines."""

from html import escape

import numpy as np
from torch import Tensor

from analysis.attribution.exact.proof import Proof
from analysis.attribution.memory.layer_memory import LayerMemory
from app.figures.badge import badge
from app.figures.hidden_states import DIRECTION_COLORS, percent_signed
from app.figures.number_format import NO_VALUE, percent, significant
from app.figures.proof_badge import proof_badge


def proof_line(proof: Proof | None) -> str:
    """Badges: how closely the parts add up, the share of the biases, the arithmetic."""
    if proof is None:
        return '<p class="proof-line"></p>'
    marks = [
        proof_badge(proof.completeness_error),
        badge(
            f"bias share {percent_signed(proof.bias_share)}",
            "plain",
            "The part of the output that belongs to no token: biases of the convolution, and in "
            "MoMa those behind the scans.",
        ),
        badge(proof.dtype, "plain", "Arithmetic of the sums."),
    ]
    return f'<p class="proof-line">{"".join(marks)}</p>'


def no_layer_facts() -> str:
    return '<div class="layer-facts"></div>'


def layer_facts(memory: LayerMemory) -> str:
    """Direction share, cosine, skip, gate, reach and the hold ratio of a layer."""
    paths = memory.paths
    forward = paths.forward_share
    energy = "of the scans' energy" if paths.gate is None else "of the gated energy"
    rows = [
        ("Forward", percent(forward), energy, forward, "forward"),
        ("Backward", percent(1 - forward), energy, 1 - forward, "backward"),
        (
            "Skip",
            percent(paths.skip_share),
            "as long as the output; goes around the state",
            min(1.0, paths.skip_share),
            "",
        ),
        ("Gate", *_gate(paths.gate), None, ""),
        ("Cosine", _signed(paths.cosine), _agreement(paths.cosine), None, ""),
        ("Looks back", _steps(memory), _reach(memory), None, ""),
        (
            "Hold",
            percent(sum(memory.zoh_ratio) / len(memory.zoh_ratio)),
            "what an exact hold would write of what the model writes",
            None,
            "",
        ),
    ]
    return f'<div class="layer-facts">{"".join(_row(*row) for row in rows)}</div>'


def _row(name: str, value: str, words: str, share: float | None, direction: str) -> str:
    color = f"background:{DIRECTION_COLORS[direction]};" if direction else ""
    bar = (
        ""
        if share is None
        else f'<span class="bar-track"><i style="width:{100 * share:.1f}%;{color}"></i></span>'
    )
    return (
        f'<div class="layer-fact"><b>{name}</b><span>{value}</span>'
        f"<small>{escape(words)}</small>{bar}</div>"
    )


def _gate(gate: Tensor | None) -> tuple[str, str]:
    """Its size, or that this layer has none."""
    if gate is None:
        return "none", "the scans of this model have no gate"
    return significant(float(gate.mean())), "mean size"


def _steps(memory: LayerMemory) -> str:
    return significant(float(np.mean([scan.distance[0] for scan in memory.scans])))


def _reach(memory: LayerMemory) -> str:
    """The mean way from a receiver to its sources, in the scan, over the grid and in time."""
    patches, frames = np.mean([scan.distance[1:] for scan in memory.scans], axis=0)
    apart = f"{significant(float(patches))} patches"
    if memory.grid.t > 1:
        apart += f" and {significant(float(frames))} time steps"
    return f"steps of the scan to a source, {apart} away"


def _signed(value: float) -> str:
    if abs(value) < 0.005:
        return "0"
    sign = "\N{MINUS SIGN}" if value < 0 else ""
    return f"{sign}{abs(value):.2f}" if value == value else NO_VALUE


def _agreement(cosine: float) -> str:
    if cosine > 0.3:
        return "the directions add up"
    return "the directions cancel" if cosine < -0.3 else "the directions say different things"
