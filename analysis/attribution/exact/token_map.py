"""One question, one map over the clip: who feeds a token, a frame or the read-out; whom it feeds.

The vectors of `rows`, `groups` and `pooled` become one number per token, so that they can be drawn.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from analysis.attribution.exact.frozen_scan import LEVELS
from analysis.attribution.exact.groups import group_contributions
from analysis.attribution.exact.pooled import pooled_contributions
from analysis.attribution.exact.proof import Proof
from analysis.attribution.exact.readout import class_evidence, readout_weights, sum_by_frame
from analysis.attribution.exact.rows import row_contributions
from analysis.attribution.exact.scores import SCORES, SIGNED_SCORES, scores
from analysis.attribution.method import AttributionError
from analysis.layers.token_grid import TokenGrid
from analysis.tracing.layer_trace import LayerTrace
from analysis.tracing.scan_trace import DIRECTIONS
from analysis.tracing.token_positions import (
    checked_index,
    cls_of,
    frame_groups,
    on_grid,
    token_position,
)

SIDES: dict[str, str] = {
    "sources": "who feeds it: a row of the contribution matrix",
    "receivers": "whom it feeds: a column of the contribution matrix",
}
MAP_DIRECTIONS: tuple[str, ...] = ("both", *DIRECTIONS)


@dataclass(frozen=True)
class Subject:
    """What is asked about: one token, one frame of the token grid, or what the head reads.

    kind: "token" (index in the sequence, where 0 is CLS if it has one) | "frame" (index from 0) |
        "readout".
    """

    kind: str
    index: int = 0

    def fits(self, grid: TokenGrid) -> bool:
        """Whether the grid has such a token or frame."""
        sizes = {"token": grid.length, "frame": grid.t, "readout": 1}
        return self.kind in sizes and 0 <= self.index < sizes[self.kind]


@dataclass(frozen=True)
class MapQuestion:
    """What a map shows; every field has the words of SIDES, MAP_DIRECTIONS, LEVELS and SCORES."""

    subject: Subject
    side: str = "sources"
    direction: str = "both"
    level: str = "residual"
    score: str = "l2_norm"


@dataclass(frozen=True, eq=False)
class TokenMap(Proof):
    """A score per token, for one question about one layer.

    values: (t, h, w) float32; cls_value: that of the CLS token, None without one. signed: whether
    they may be negative. by_frame: (t + 1,) sums over frames, CLS last.
    frame_shares: (2, t + 1) signed shares of the subject's real output by direction and source
    frame, CLS last; with `bias_share` they sum to 1. None on the receivers' side.
    output_size: L2 norm of that output (mean over receivers on their side); for a logit share
    what the receivers' outputs add to the logit.
    """

    question: MapQuestion
    grid: TokenGrid
    values: np.ndarray
    cls_value: float | None
    signed: bool
    by_frame: np.ndarray
    frame_shares: np.ndarray | None
    output_size: float


def token_map(
    layer: LayerTrace,
    question: MapQuestion,
    readout: str,
    class_direction: Tensor | None = None,
) -> TokenMap:
    """The map that answers `question` in one traced layer.

    readout: "cls" | "mean", what the head reads. class_direction: (L, D) for "logit_share", as
    `readout.class_direction` gives it. A subject of several tokens receives as their mean, and
    feeds as their sum.

    Raises AttributionError for words that are no choice and questions without a meaning.
    """
    _check(layer, question, readout, class_direction)
    if question.side == "sources":
        return _sources(layer, question, readout, class_direction)
    return _receivers(layer, question, readout, class_direction)


def _sources(
    layer: LayerTrace, question: MapQuestion, readout: str, class_direction: Tensor | None
) -> TokenMap:
    weights = subject_weights(layer.grid, question.subject, readout).to(layer.gate.dtype)
    if question.score == "logit_share":
        return _evidence(layer, question, class_direction * (weights != 0)[:, None])
    if _by_one_pass(layer, question):
        return _pooled_shares(layer, question, weights)
    if question.subject.kind == "token":
        found = row_contributions(layer, question.subject.index, level=question.level)
    else:
        found = pooled_contributions(layer, weights, level=question.level)
    values = scores(_of_direction(found.vectors, question.direction), found.total, question.score)
    along = scores(found.vectors.transpose(0, 1), found.total, "signed_share")
    return _map(
        layer,
        question,
        values,
        found,
        shares=along.T,
        output_size=float(torch.linalg.vector_norm(found.total)),
    )


def _by_one_pass(layer: LayerTrace, question: MapQuestion) -> bool:
    """Whether shares are all that is asked of a layer whose pooled vectors take D passes."""
    pooled = question.subject.kind != "token" and question.level == "residual"
    return pooled and question.score == "signed_share" and layer.way_out.factor is not None


def _pooled_shares(layer: LayerTrace, question: MapQuestion, weights: Tensor) -> TokenMap:
    """Signed shares of a pooled output: parts of its square, by way of its own direction."""
    total = weights @ layer.output
    found = class_evidence(layer, weights[:, None] * total)
    shares = found.values / (found.total or 1.0)
    return _map(
        layer,
        question,
        _of_direction(shares, question.direction),
        found,
        shares=shares,
        output_size=float(torch.linalg.vector_norm(total)),
    )


def _evidence(layer: LayerTrace, question: MapQuestion, class_direction: Tensor) -> TokenMap:
    """Parts of a logit, by way of the receivers at which `class_direction` is not zero."""
    if not class_direction.any():
        raise AttributionError(
            "The head does not read this token, so it has no share in a logit of its own; ask "
            "about what the head reads, or choose another score."
        )
    found = class_evidence(layer, class_direction)
    return _map(
        layer,
        question,
        _of_direction(found.values, question.direction),
        found,
        shares=found.values / (found.total or 1.0),
        output_size=found.total,
    )


def _receivers(
    layer: LayerTrace, question: MapQuestion, readout: str, class_direction: Tensor | None
) -> TokenMap:
    outside = (subject_weights(layer.grid, question.subject, readout) == 0).long()
    found = group_contributions(layer, outside, level=question.level)
    vectors = _of_direction(found.vectors[:, 0], question.direction)
    values = scores(vectors[None], found.total, question.score, class_direction)[0]
    norms = torch.linalg.vector_norm(found.total, dim=-1)
    return _map(layer, question, values, found, shares=None, output_size=float(norms.mean()))


def subject_weights(grid: TokenGrid, subject: Subject, readout: str) -> Tensor:
    """(L,) weight of each token in the subject; the weights sum to 1."""
    if subject.kind == "readout":
        return readout_weights(grid, readout)
    if subject.kind == "frame":
        return (frame_groups(grid) == subject.index).double() / (grid.h * grid.w)
    weights = torch.zeros(grid.length, dtype=torch.float64)
    weights[checked_index(grid, subject.index)] = 1
    return weights


def _of_direction(vectors: Tensor, direction: str) -> Tensor:
    """Vectors (2, ...) of both directions to those asked for."""
    return vectors.sum(0) if direction == "both" else vectors[DIRECTIONS.index(direction)]


def _map(
    layer: LayerTrace,
    question: MapQuestion,
    values: Tensor,
    proof: Proof,
    *,
    shares: Tensor | None,
    output_size: float,
) -> TokenMap:
    grid = layer.grid
    return TokenMap(
        completeness_error=proof.completeness_error,
        bias_share=proof.bias_share,
        dtype=proof.dtype,
        settings={
            "layer": layer.layer,
            "subject": subject_words(question.subject, grid),
            "side": question.side,
            "direction": question.direction,
            "level": question.level,
            "score": question.score,
        },
        question=question,
        grid=grid,
        values=on_grid(values, grid).float().numpy(),
        cls_value=cls_of(values, grid),
        signed=question.score in SIGNED_SCORES,
        by_frame=sum_by_frame(values[None], grid)[0].double().numpy(),
        frame_shares=None if shares is None else sum_by_frame(shares, grid).double().numpy(),
        output_size=output_size,
    )


def subject_words(subject: Subject, grid: TokenGrid) -> str:
    """For a program: "cls", "2,3,4" (frame, row, column from 0), "frame 2" or "readout"."""
    if subject.kind == "token":
        place = token_position(grid, subject.index)
        return "cls" if place is None else ",".join(map(str, place))
    return f"frame {subject.index}" if subject.kind == "frame" else "readout"


def _check(
    layer: LayerTrace, question: MapQuestion, readout: str, class_direction: Tensor | None
) -> None:
    for name, value, choices in (
        ("side", question.side, SIDES),
        ("direction", question.direction, MAP_DIRECTIONS),
        ("level", question.level, LEVELS),
        ("score", question.score, SCORES),
    ):
        if value not in choices:
            raise AttributionError(f"There is no {name} {value!r}; choose {', '.join(choices)}.")
    grid, subject = layer.grid, question.subject
    if not subject.fits(grid):
        raise AttributionError(
            f"There is no {subject.kind} {subject.index} in a grid of "
            f"{grid.t} x {grid.h} x {grid.w} tokens{' and CLS' if grid.class_tokens else ''}."
        )
    if question.side == "receivers" and question.score == "alti":
        raise AttributionError(
            "ALTI is shared out among the sources of one receiver, so it has no map of whom a "
            "token feeds; choose another score."
        )
    if question.side == "receivers" and subject.kind == "readout" and readout == "mean":
        raise AttributionError(
            "The head reads the mean of all patches, which feeds no token; choose a patch or a "
            "frame, or ask who feeds it."
        )
    if question.score == "logit_share":
        if question.level != "residual":
            raise AttributionError(
                "A logit share is measured in the residual stream; choose the level residual."
            )
        if class_direction is None:
            raise AttributionError("A logit share needs the direction of a class; give one.")
