"""What questions about a traced layer cost on two cores, said before they are answered."""

from analysis.attribution.exact.block_matrix import LARGEST_SIDE
from analysis.attribution.exact.token_map import MapQuestion
from analysis.attribution.method import AttributionError
from analysis.layers.grid_scan import layer_paths
from analysis.models.moma_config import MomaConfig
from analysis.tracing.opened_models import scan_channels, traced_grid
from app.figures.number_format import duration
from app.selection import Selection
from app.session import planned

_WORK_PER_MS = 2.5e5
"""Multiply-adds of frozen scans in a millisecond of two laptop cores, measured."""
MAP_BUDGET_S = 60.0
"""What one map may take: others wait for the model meanwhile."""
CHEAPER = "Signed share, or a single patch, takes one pass"
_SCALING_FUSIONS = ("seqmod", "scale_only")
_LEARNED = ("trained", "toy")
"""What weights say whose scans learned something."""


def matrix_ms(selection: Selection) -> float:
    """About how long a matrix takes."""
    config = planned(selection).config
    return 2 * min(traced_grid(config).length, LARGEST_SIDE) * _scan_ms(config)


def map_ms(selection: Selection, question: MapQuestion) -> float:
    """About how long a map takes beyond the trace; 0 where it is no more than a few passes.

    A trained MoMa multiplies every token with what its scans say. So the vectors that a frame or
    the mean receives take a pass of every scan for each of D channels, see
    `analysis.attribution.exact.pooled`; where the multiplication begins as nothing they do not.
    """
    plan = planned(selection)
    if not (_pooled_vectors(question) and _multiplies(plan.config, plan.card.training)):
        return 0.0
    paths = plan.config.layer_paths
    if plan.card.scan_order is not None:
        paths = layer_paths(selection.scan_order, plan.config.depth)
    return plan.config.width * max(map(len, paths)) * _scan_ms(plan.config)


def check_map_budget(selection: Selection, question: MapQuestion) -> None:
    """Raises AttributionError, one sentence, for a map that would take more than MAP_BUDGET_S."""
    cost_ms = map_ms(selection, question)
    if cost_ms > 1000 * MAP_BUDGET_S:
        raise AttributionError(
            f"This map would take about {duration(cost_ms)}, more than the "
            f"{duration(1000 * MAP_BUDGET_S)} that one may take, as a MoMa multiplies channel by "
            "channel behind its scans; measure it as signed share, which takes one pass, or choose "
            "a single patch, fewer frames or a lower resolution."
        )


def press_words(model: str, trace_ms: float, map_cost_ms: float) -> str:
    """What Trace would take: a forward pass that is missing, a map of many passes, or both."""
    about = f"about {duration(trace_ms + map_cost_ms)}."
    if map_cost_ms > trace_ms:
        return f"Press Trace for this map: {about} {CHEAPER}."
    return f"Press Trace to run {model} first: {about}"


def _pooled_vectors(question: MapQuestion) -> bool:
    pooled = question.side == "sources" and question.subject.kind != "token"
    return pooled and question.level == "residual" and question.score != "signed_share"


def _multiplies(config: object, training: str) -> bool:
    scales = isinstance(config, MomaConfig) and config.fusion in _SCALING_FUSIONS
    return scales and (training in _LEARNED or not config.zero_init)


def _scan_ms(config: object) -> float:
    """One frozen scan over all tokens."""
    work = traced_grid(config).length * scan_channels(config) * config.state_size
    return work / _WORK_PER_MS
