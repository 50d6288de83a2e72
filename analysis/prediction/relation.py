"""How a scan order stands to the weights that are run in it."""

from typing import Literal

from torch import nn

from analysis.ops.scan_order import FIXED_ORDER

Relation = Literal["trained order", "reordered", "untrained"]


def relation(training: str, scan_order: str, trained_order: str | None) -> Relation:
    """How a scan order stands to the order that weights of this training were fitted in.

    What answers zero-shot has scans that were fitted in none.
    """
    if training in ("untrained", "zero-shot"):
        return "untrained"
    return "trained order" if scan_order == (trained_order or FIXED_ORDER) else "reordered"


def scan_order_of(model: nn.Module) -> str:
    """The scan order that a model reads in now; `FIXED_ORDER` where it has none to choose."""
    return getattr(model, "scan_order", None) or FIXED_ORDER
