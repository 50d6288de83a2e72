"""Arithmetic as rows: of every published checkpoint, or of any one model."""

from collections.abc import Iterator
from typing import Any

from analysis.models import is_classifier
from analysis.profiling.flops import Arithmetic, model_arithmetic
from analysis.profiling.printed_flops import MISPRINTS, PRINTED_GFLOPS
from analysis.weights import can_classify, weights_card
from analysis.weights.published import published_cards


def published_rows() -> Iterator[dict[str, Any]]:
    """A row per published classifier, at the frames and resolution it was trained for."""
    for card in published_cards():
        if can_classify(card):
            arithmetic = model_arithmetic(card.architecture, **card.overrides)
            yield arithmetic_row(card.name, arithmetic)


def model_row(
    name: str,
    num_frames: int | None = None,
    image_size: int | None = None,
    scan_order: str | None = None,
) -> dict[str, Any]:
    """The row of an architecture or of weights, by name, at their own size where none is given.

    Raises WeightsError for a name that is neither, and ProfilingError for sizes a model can't have.
    """
    card = None if is_classifier(name) else weights_card(name)
    overrides = {} if card is None else dict(card.overrides)
    given = {"num_frames": num_frames, "image_size": image_size, "scan_order": scan_order}
    overrides |= {field: value for field, value in given.items() if value is not None}
    return arithmetic_row(
        name, model_arithmetic(name if card is None else card.architecture, **overrides)
    )


def arithmetic_row(name: str, arithmetic: Arithmetic) -> dict[str, Any]:
    """As JSON: multiply-adds of one clip by part, counted and added, in both conventions.

    `frames` of an image is 1. `paper_printed_gflops` is None where the paper prints nothing.
    """
    height, width = arithmetic.frame_size
    return {
        "name": name,
        "frames": arithmetic.num_frames or 1,
        "image_size": height if height == width else [height, width],
        "tokens": arithmetic.tokens,
        "parts": {part.part: part.multiply_adds for part in arithmetic.parts},
        "total_multiply_adds": arithmetic.multiply_adds,
        "paper_convention_multiply_adds": arithmetic.paper_convention,
        "counted": {part.part: part.counted for part in arithmetic.parts if part.counted},
        "added": {part.part: part.added for part in arithmetic.parts if part.added},
        "parameters": arithmetic.parameters,
        "total_parameters": arithmetic.parameter_count,
        "paper_printed_gflops": PRINTED_GFLOPS.get(name),
        "note": MISPRINTS.get(name, ""),
    }
