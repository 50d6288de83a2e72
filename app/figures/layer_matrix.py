"""Token against token as one picture: rows receive, columns feed, lines between frames."""

from html import escape

from PIL import Image

from analysis.attribution.exact.block_matrix import BlockMatrix
from app.figures.color_scale import LOGARITHMIC, scale_for
from app.figures.heat import data_address, png_bytes
from app.figures.hidden_states import short_frames
from app.figures.layer_sentences import SILENT

_MOST_LABELS = 16


def no_matrix_view(sentence: str) -> str:
    """The place of the matrix while there is none."""
    return f'<figure class="matrix"><div class="matrix-empty">{escape(sentence)}</div></figure>'


def matrix_view(matrix: BlockMatrix, tubelet: int) -> str:
    """The picture with its axes and scale; lengths in powers of ten below the largest.

    One sentence for a layer that adds nothing.
    """
    if not matrix.values.any():
        return no_matrix_view(SILENT)
    scale = scale_for(matrix.values, False, LOGARITHMIC)
    picture = Image.fromarray(scale.colors(matrix.values))
    count = len(matrix.values)
    before, steps = matrix.grid.class_tokens, range(matrix.grid.t)
    edges = [100 * (before + step * matrix.per_frame) / count for step in steps]
    lines = "".join(f'<path d="M{at:.3f} 0V100M0 {at:.3f}H100"/>' for at in edges)
    labels = _labels(edges, tubelet)
    ticks = "".join(
        f'<span style="left:{tick["at"]}%">{tick["label"]}</span>' for tick in scale.ticks(False)
    )
    said = f"Contribution of {count} blocks of tokens to each other; rows receive, columns feed"
    address = data_address(png_bytes(picture), "image/png")
    plot = (
        '<span class="matrix-rows">receives</span>'
        f'<div class="matrix-left">{labels}</div>'
        f'<div class="matrix-picture"><img alt="{said}" src="{address}">'
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">'
        f"{lines}</svg></div>"
        f'<div class="matrix-under">{labels}</div><span class="matrix-columns">feeds</span>'
    )
    bar = (
        f'<div class="tp-bar" style="background-image:url({scale.bar()})"></div>'
        f'<div class="tp-ticks">{ticks}</div><span>{_block(matrix)}</span>'
    )
    return (
        f'<figure class="matrix"><div class="matrix-plot">{plot}</div>'
        f'<div class="matrix-scale">{bar}</div></figure>'
    )


def _labels(edges: list[float], tubelet: int) -> str:
    """Frame numbers at the middle of each frame, as many as fit."""
    ends = [*edges[1:], 100.0]
    every = -(-len(edges) // _MOST_LABELS)
    return "".join(
        f'<span style="--at:{(start + end) / 2:.2f}%">{short_frames(frame, tubelet)}</span>'
        for frame, (start, end) in enumerate(zip(edges, ends, strict=True))
        if frame % every == 0
    )


def _block(matrix: BlockMatrix) -> str:
    size = matrix.tokens_per_block
    one = "one token" if size == 1 else f"{size} tokens"
    return f"L2 norm, mean over receivers; a cell is {one} across and down"
