"""Questions about one layer of one forward pass, from the traces that the session keeps."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from analysis.attribution.exact.block_matrix import BlockMatrix, block_matrix
from analysis.attribution.exact.readout import class_direction
from analysis.attribution.exact.token_map import MapQuestion, Subject, TokenMap, token_map
from analysis.attribution.memory.layer_memory import LayerMemory, layer_memory
from analysis.attribution.method import AttributionError
from analysis.layers.token_grid import TokenGrid
from analysis.tracing.token_positions import parse_token
from app.layer_costs import check_map_budget
from app.selection import Selection
from app.session import Session

EVIDENCE = MapQuestion(Subject("readout"), score="signed_share")
"""What every token gives to what the head reads, in shares that sum to 1 with the bias."""


TRACE_PASSES = 3
"""Forward passes that take as long as a trace with the read-outs of one layer."""


@dataclass(frozen=True, eq=False)
class LayerMaps:
    """A map, and the evidence for what the head reads in the same layer.

    label: the class whose logit a logit share is of. tubelet: frames in a time step. layer: from
    1, of `depth`. latency_ms: of the whole answer, a forward pass in it where there was one.
    """

    asked: TokenMap
    readout_evidence: TokenMap
    readout: str
    label: str
    probability: float
    tubelet: int
    layer: int
    depth: int
    latency_ms: float


def trace_ms(session: Session, selection: Selection) -> float:
    """About how long it takes to trace a pass and read one layer."""
    return TRACE_PASSES * session.estimate_ms(selection)


def soon_traced(session: Session, selection: Selection) -> bool:
    """Whether tracing, which takes longer than an answer, is soon done without a click."""
    patience_ms = 1000 * session.settings.patience_s
    return session.quick(selection) and trace_ms(session, selection) <= patience_ms


def layer_maps(
    session: Session, selection: Selection, layer: int, question: MapQuestion, progress=None
) -> LayerMaps:
    """Answer a question about layer `layer`, counted from 1.

    Raises AttributionError for questions without a meaning and such that take too long, VideoError
    and WeightsError.
    """
    check_map_budget(selection, question)
    began = time.perf_counter()
    with session.loaded(selection, progress) as loaded:
        traced = session.traced(selection, loaded, layer - 1)
        trace, readout = traced.trace, traced.trace.readout
        chances = trace.logits.softmax(0)
        top = int(chances.argmax())
        towards = (
            class_direction(loaded.model, trace, top) if question.score == "logit_share" else None
        )
        asked = token_map(traced.layer, question, readout, towards)
        if traced.evidence is None:
            traced.evidence = token_map(traced.layer, EVIDENCE, readout)
        return LayerMaps(
            asked=asked,
            readout_evidence=traced.evidence,
            readout=readout,
            label=loaded.labels[top],
            probability=float(chances[top]),
            tubelet=selection.tubelet(trace.grid),
            layer=layer,
            depth=loaded.model.config.depth,
            latency_ms=1000 * (time.perf_counter() - began),
        )


def memory_of_layer(session: Session, selection: Selection, layer: int) -> LayerMemory:
    """What layer `layer`, counted from 1, keeps and for how long."""
    with session.loaded(selection) as loaded:
        traced = session.traced(selection, loaded, layer - 1)
        if traced.memory is None:
            traced.memory = layer_memory(traced.layer)
        return traced.memory


def known_matrix(session: Session, selection: Selection, layer: int) -> BlockMatrix | None:
    """The matrix of a layer, counted from 1, if it was computed for a trace that is still held."""
    if not session.is_traced(selection, layer - 1):
        return None
    with session.loaded(selection) as loaded:
        return session.traced(selection, loaded, layer - 1).matrix


def matrix_of_layer(
    session: Session,
    selection: Selection,
    layer: int,
    progress: Callable[[float], None] | None = None,
) -> BlockMatrix:
    """Tokens against tokens in layer `layer`, counted from 1, in blocks where there are many."""
    with session.loaded(selection) as loaded:
        traced = session.traced(selection, loaded, layer - 1)
        if traced.matrix is None:
            traced.matrix = block_matrix(traced.layer, progress=progress)
        return traced.matrix


def map_settings(found: LayerMaps, selection: Selection) -> dict[str, object]:
    """What a map depends on, and how closely its parts add up, in plain values."""
    asked = found.asked
    return {
        "clip": selection.clip_name,
        "model": selection.model,
        "num_frames": selection.num_frames,
        "image_size": selection.image_size,
        "scan_order": selection.scan_order,
        **asked.settings,
        "layer": found.layer,
        "layers": found.depth,
        "grid": [asked.grid.t, asked.grid.h, asked.grid.w],
        "readout": found.readout,
        "predicted": found.label,
        "completeness_error": asked.completeness_error,
        "bias_share": asked.bias_share,
        "dtype": asked.dtype,
    }


def map_rows(found: LayerMaps) -> list[dict[str, object]]:
    """A row per token, CLS first where there is one; t, y and x count from 0."""
    grid, cls_value = found.asked.grid, found.asked.cls_value
    rows: list[dict[str, object]] = []
    if cls_value is not None:
        rows.append({"token": "cls", "value": cls_value})
    for index, value in enumerate(found.asked.values.flat):
        frame, place = divmod(index, grid.h * grid.w)
        row, column = divmod(place, grid.w)
        rows.append({"token": "patch", "t": frame, "y": row, "x": column, "value": float(value)})
    return rows


def requested_subject(text: str, grid: TokenGrid) -> Subject:
    """ "readout", "cls", "frame 2" or "t,y,x" from 0. Raises AttributionError for anything else."""
    words = text.strip().lower()
    if words == "readout":
        return Subject("readout")
    if words.startswith("frame ") and words[6:].strip().isdecimal():
        return Subject("frame", int(words[6:]))
    try:
        return Subject("token", parse_token(words, grid))
    except ValueError as error:
        raise AttributionError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None


def requested_layer(number: int, depth: int) -> int:
    """A layer from 1; 0 is the last. Raises AttributionError for one the model does not have."""
    if not 0 <= number <= depth:
        raise AttributionError(f"The model has layers 1 to {depth}, not {number}.")
    return number or depth
