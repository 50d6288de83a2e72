"""Effective receptive fields of a host without adaptors, with either kind and with both."""

from torch import Tensor, nn

from analysis.adaptation.adaptor_strength import adaptors_at
from analysis.attribution.memory.receptive_field import ReceptiveField, receptive_field

VARIANTS: dict[str, tuple[bool, bool]] = {
    "none": (False, False),
    "memory": (True, False),
    "convolutions": (False, True),
    "both": (True, True),
}
"""By name: whether Adaptor-T and whether Adaptor-S take part."""


def adaptor_fields(
    model: nn.Module, clip: Tensor, token: int, strength: float = 1.0
) -> dict[str, ReceptiveField]:
    """The field of a token for each of `VARIANTS`, adaptors at `strength`.

    clip: (C, T, H, W). token: canonical index. Raises ValueError for one outside of the sequence.
    """
    fields = {}
    for name, (memory, convolutions) in VARIANTS.items():
        with adaptors_at(model, strength, memory=memory, convolutions=convolutions):
            fields[name] = receptive_field(model, [clip], token)
    return fields
