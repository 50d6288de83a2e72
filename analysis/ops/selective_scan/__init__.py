"""The selective scan: one call, four implementations, and the name of the one that ran."""

from analysis.ops.selective_scan.dispatch import (
    IMPLEMENTATIONS,
    available_implementations,
    choose_implementation,
    selective_scan,
    use_implementation,
)

__all__ = [
    "IMPLEMENTATIONS",
    "available_implementations",
    "choose_implementation",
    "selective_scan",
    "use_implementation",
]
