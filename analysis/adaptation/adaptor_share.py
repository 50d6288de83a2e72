"""How much of a layer's output comes from its adaptors."""

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.adaptation.adapted_layer import AdaptedLayer


@dataclass(frozen=True, eq=False)
class AdaptorShare:
    """|y' - y| / |y| of every token, y the output of the host's scans before the gate.

    Each (L,) in canonical order: of `memory` alone, of the `convolutions` on top of it, and of
    `both` together. Norms are over channels.
    """

    memory: Tensor
    convolutions: Tensor
    both: Tensor


def adaptor_share(layer: AdaptedLayer) -> AdaptorShare:
    """Mamba-Adaptor specification, section 9 (g)."""
    size = layer.plain.norm(dim=1).clamp(min=torch.finfo(layer.plain.dtype).tiny)
    return AdaptorShare(
        *(
            (after - before).norm(dim=1) / size
            for before, after in (
                (layer.plain, layer.with_memory),
                (layer.with_memory, layer.with_surroundings),
                (layer.plain, layer.with_surroundings),
            )
        )
    )
