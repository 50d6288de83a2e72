"""What the adaptors of one layer read and add, from what entered its mixer on a clip."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.layers.adaptor_s import AdaptorS
from analysis.layers.adaptor_t import AdaptorT, MemorySelection
from analysis.layers.mixer import BidirectionalMixer
from analysis.layers.token_grid import TokenGrid
from analysis.ops.memory_scan import memory_scan
from analysis.ops.scan_states import ScanInputs
from analysis.tracing.layer_trace import SUFFIXES
from analysis.tracing.recorder import LayerRecord
from analysis.tracing.scan_trace import DIRECTIONS


@dataclass(frozen=True, eq=False)
class MemoryScan:
    """One direction of a layer in one token order, and the places that its tokens read.

    share: weight of this scan in its direction. read: (L,) canonical index of each token of the
    scan's sequence, which a backward scan reads from its end; back: the way back. scan: what the
    scan is given, tokens in that sequence. adaptor, chosen: None without memory. plain, enriched:
    (L, E) in canonical order, the scan's output without and with memory.
    """

    direction: str
    token_order: str
    share: float
    read: Tensor
    back: Tensor
    scan: ScanInputs
    adaptor: AdaptorT | None
    chosen: MemorySelection | None
    plain: Tensor
    enriched: Tensor

    @property
    def steps(self) -> Tensor:
        """(L,) step at which each token of the sequence is read, from 0."""
        steps = torch.arange(len(self.read))
        return steps.flip(0) if self.scan.reverse else steps


@dataclass(frozen=True, eq=False)
class AdaptedLayer:
    """One layer with adaptors (Mamba-Adaptor specification, sections 3 and 4).

    layer: number from 0. adaptor_s: None without convolutions. What the gate would be given, (L, E)
    in canonical order: plain, y_f + y_b of the host; with_memory; with_surroundings, as it is.
    """

    layer: int
    grid: TokenGrid
    scans: tuple[MemoryScan, ...]
    adaptor_s: AdaptorS | None
    plain: Tensor
    with_memory: Tensor
    with_surroundings: Tensor

    @property
    def has_memory(self) -> bool:
        """Whether its tokens read states of others."""
        return self.scans[0].chosen is not None


@torch.inference_mode(False)
@torch.no_grad()
def adapted_layer(record: LayerRecord) -> AdaptedLayer:
    """The adaptors of a recorded layer, with the parameters that it has now."""
    mixer = record.mixer
    inner, _ = mixer.in_proj(record.tokens[None]).split(mixer.inner_width, dim=-1)
    scans = tuple(_scans(mixer, record, inner))
    plain = sum(scan.share * scan.plain for scan in scans)
    with_memory = sum(scan.share * scan.enriched for scan in scans)
    wide = with_memory
    if mixer.adaptor_s is not None:
        wide = with_memory + mixer.adaptor_s(with_memory.T[None], record.grid)[0].T
    return AdaptedLayer(record.layer, record.grid, scans, mixer.adaptor_s, plain, with_memory, wide)


def _scans(mixer: BidirectionalMixer, record: LayerRecord, inner: Tensor) -> Iterator[MemoryScan]:
    for direction in DIRECTIONS:
        orders = getattr(record.scan, direction)
        for order in orders:
            read, back = record.grid.sequence(order)
            inputs = mixer.scan_inputs(inner[:, read], SUFFIXES[direction])
            memory = mixer.adaptor_t
            adaptor = None if memory is None else memory.of_direction(int(inputs.reverse))
            chosen, plain, enriched = _outputs(inputs, adaptor, record.grid, back)
            yield MemoryScan(
                direction=direction,
                token_order=order,
                share=1 / len(orders),
                read=read,
                back=back,
                scan=inputs,
                adaptor=adaptor,
                chosen=chosen,
                plain=plain[0].T[back],
                enriched=enriched[0].T[back],
            )


def _outputs(
    scan: ScanInputs, adaptor: AdaptorT | None, grid: TokenGrid, back: Tensor
) -> tuple[MemorySelection | None, Tensor, Tensor]:
    """Both from one kernel, so that without gamma they are the same to the last bit."""
    if adaptor is None:
        plain = scan.output()
        return None, plain, plain
    mean = scan.mean_state().transpose(1, 2)
    chosen = adaptor.select(mean, scan.reverse, grid, back)
    plain, enriched = (
        memory_scan(scan, gamma, chosen.index, chosen.weights, adaptor.chunk_bytes)
        for gamma in (torch.zeros_like(adaptor.gamma), adaptor.gamma)
    )
    return chosen, plain, enriched
