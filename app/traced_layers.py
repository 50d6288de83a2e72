"""Traced layers of forward passes, kept so that the next question about them costs no pass."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, fields
from typing import Any

from torch import Tensor

from analysis.attribution.exact.block_matrix import BlockMatrix
from analysis.attribution.exact.token_map import TokenMap
from analysis.attribution.memory.layer_memory import LayerMemory
from analysis.tracing.layer_trace import LayerTrace
from analysis.tracing.recorder import Trace
from app.recently_used import RecentlyUsed


@dataclass(eq=False)
class TracedLayer:
    """One layer of one forward pass, and what was read off it as a whole."""

    trace: Trace
    layer: LayerTrace
    evidence: TokenMap | None = None
    memory: LayerMemory | None = None
    matrix: BlockMatrix | None = None


class TracedLayers:
    """Traces and layers by key that weigh `limit` bytes at most, each sort; see `RecentlyUsed`.

    Where a whole pass would take more than half of the limit, only the wanted layer is recorded.
    """

    def __init__(self, limit: int):
        self._limit = limit
        self._traces: RecentlyUsed[Trace] = RecentlyUsed(limit, weight=held_bytes)
        self._layers: RecentlyUsed[TracedLayer] = RecentlyUsed(
            limit, weight=lambda one: held_bytes(one.layer)
        )

    def get(
        self,
        key: Hashable,
        number: int,
        record: Callable[[list[int] | None], Trace],
        pass_bytes: int,
    ) -> TracedLayer:
        """Layer `number` of the pass called `key`.

        `record(layers)` runs the model and keeps those layers, all for None. `pass_bytes`: what
        all layers of the pass take.
        """

        def make() -> TracedLayer:
            alone = pass_bytes > self._limit // 2
            trace = self._traces.get_or_make(
                (key, number if alone else None), lambda: record([number] if alone else None)
            )
            return TracedLayer(trace, trace.layer(number))

        return self._layers.get_or_make((key, number), make)

    def holds(self, key: Hashable, number: int) -> bool:
        """Whether a question about the layer needs no forward pass now."""
        known = (key, None) in self._traces or (key, number) in self._traces
        return known or (key, number) in self._layers


def held_bytes(trace: Any) -> int:
    """Bytes of all tensors in a trace, those that several fields share counted once."""
    sizes: dict[int, int] = {}

    def count(value: Any) -> None:
        if isinstance(value, Tensor):
            sizes[value.data_ptr()] = value.numel() * value.element_size()
        elif isinstance(value, tuple):
            for item in value:
                count(item)
        elif hasattr(value, "__dataclass_fields__"):
            for part in fields(value):
                count(getattr(value, part.name))

    count(trace)
    return sum(sizes.values())
