"""How a scan order stands to the weights that are run in it."""

from typing import Literal

Relation = Literal["trained order", "reordered", "untrained"]


def relation(training: str, scan_order: str, trained_order: str) -> Relation:
    """How a scan order stands to the order that weights of this training were fitted in."""
    if training == "untrained":
        return "untrained"
    return "trained order" if scan_order == trained_order else "reordered"
