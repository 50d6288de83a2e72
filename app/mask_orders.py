"""Strategies against scan orders over many clips, as `python -m analysis mask-accuracy` left it."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from analysis.masking.order_table import OrderTable, order_table
from analysis.weights.shipped import SHIPPED_FOLDER

TABLE_FILE = SHIPPED_FOLDER / "masking" / "scan_orders.json"
COMMAND = f"python -m analysis mask-accuracy --out checkpoints/masking/{TABLE_FILE.name}"


@dataclass(frozen=True)
class MaskOrders:
    """The table, and the settings it was measured in."""

    table: OrderTable
    settings: dict[str, Any]

    @property
    def ratios(self) -> list[float]:
        return self.settings["ratios"]


def read_mask_orders(path: Path = TABLE_FILE) -> MaskOrders | None:
    """The shipped table; None where none was measured, or it cannot be read."""
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError):
        return None


@lru_cache(maxsize=4)
def _read(path: Path, modified_ns: int) -> MaskOrders:
    raw = json.loads(path.read_text(encoding="utf-8"))
    table = order_table(raw)
    return MaskOrders(table, {key: value for key, value in raw.items() if key != "rows"})
