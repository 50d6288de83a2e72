"""Which region of the model, and which pass, every call of a trace belongs to."""

from analysis.ops.region import REGIONS
from analysis.profiling.run_profile.trace import Span, Trace

LOSS, OPTIMIZER = "loss", "optimizer"
GRADIENTS, OTHER, IDLE = "accumulate_grad", "other", "idle"
STEP_REGIONS: tuple[str, ...] = (*REGIONS, LOSS, GRADIENTS, OPTIMIZER, OTHER, IDLE)
"""The regions of models, then what only a step has.

accumulate_grad: gradients written to their parameters. other: what belongs to no region. idle: a
CUDA device without work.
"""

_EVALUATE = "autograd::engine::evaluate_function"
_ACCUMULATE = "AccumulateGrad"


def pass_order(region_and_pass: tuple[str, str]) -> tuple[bool, int]:
    """Sorts (region, pass) pairs: the forward pass first, regions as in `STEP_REGIONS`."""
    region, pass_ = region_and_pass
    return pass_ == "backward", STEP_REGIONS.index(region)


def assign_regions(trace: Trace) -> None:
    """Sets `region` and `pass_` of every call and kernel of a trace.

    A call belongs to the innermost named region around it. A call of the backward pass belongs to
    the region of the forward operator that made its autograd node, known by the node's sequence
    number; kernels to the call that launched them.
    """
    made_in = _regions_of_nodes(trace)
    for span in trace.spans:
        inherited = span.parent.region if span.parent else ""
        span.region = _region(span, made_in) or inherited or OTHER
        if span.parent is not None and span.parent.pass_ == "backward":
            span.pass_ = "backward"
        else:
            span.pass_ = "backward" if _is_backward(span) else "forward"
    launchers = {span.external_id: span for span in trace.spans if span.external_id is not None}
    for kernel in trace.kernels:
        launcher = launchers.get(kernel.external_id)
        kernel.region = launcher.region if launcher else OTHER
        kernel.pass_ = launcher.pass_ if launcher else "forward"


def _regions_of_nodes(trace: Trace) -> dict[int, str]:
    """The region of the forward operator that made each autograd node.

    Operators that make no node of their own carry the number of the next one to be made, so the
    last operator of a number is the one that made it.
    """
    made_in: dict[int, str] = {}
    for span in trace.spans:
        inherited = span.parent.region if span.parent else ""
        span.region = span.name if _names_region(span) else inherited
        if span.sequence is not None and not span.of_backward:
            made_in[span.sequence] = span.region
    return made_in


def _region(span: Span, made_in: dict[int, str]) -> str:
    if _names_region(span):
        return span.name
    if span.of_backward and span.sequence is not None:
        return made_in.get(span.sequence, "")
    return GRADIENTS if span.name.startswith(_EVALUATE) and _ACCUMULATE in span.name else ""


def _names_region(span: Span) -> bool:
    return span.kind == "annotation" and span.name in STEP_REGIONS


def _is_backward(span: Span) -> bool:
    return span.of_backward or span.name.startswith(_EVALUATE)
