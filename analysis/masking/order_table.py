"""Strategies against scan orders, from the rows that `python -m analysis mask-accuracy` makes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class OrderColumn:
    """One scan order: accuracy on whole clips, 0 to 1, mean of its models, and how far they are
    apart."""

    scan_order: str
    accuracy: float
    spread: float
    models: int


@dataclass(frozen=True)
class OrderCell:
    """One strategy in one scan order: accuracy, 0 to 1, mean of the models, how far they are apart,
    and the mean visible run in tokens."""

    accuracy: float
    spread: float
    mean_run: float


@dataclass(frozen=True)
class OrderRow:
    """One strategy at one ratio: share really hidden, leakage (None where no token is hidden), a
    cell per scan order."""

    strategy: str
    ratio: float
    real_ratio: float
    leakage: float | None
    cells: tuple[OrderCell, ...]


@dataclass(frozen=True)
class OrderTable:
    """`orders` are the columns of every row's cells."""

    orders: tuple[OrderColumn, ...]
    rows: tuple[OrderRow, ...]


def order_table(table: Mapping[str, Any]) -> OrderTable:
    """The table by strategy and scan order; a model per row came in. Raises KeyError, ValueError.

    Scan orders that were not judged yet are left out.
    """
    models: dict[str, list[dict]] = {}
    for row in table["rows"]:
        models.setdefault(row["scan_order"], []).append(row)
    columns = tuple(
        OrderColumn(order, *_mean_and_spread([m["accuracy"] for m in rows]), len(rows))
        for order, rows in models.items()
    )
    return OrderTable(
        columns,
        tuple(
            _row(strategy, ratio, list(models.values()))
            for ratio in table["ratios"]
            for strategy in table["strategies"]
        )
        if models
        else (),
    )


def _row(strategy: str, ratio: float, models: list[list[dict]]) -> OrderRow:
    found = [[_masked(model, strategy, ratio) for model in of_order] for of_order in models]
    first = found[0][0]
    cells = tuple(
        OrderCell(
            *_mean_and_spread([one["accuracy"] for one in of_order]),
            float(np.mean([one["mean_run"] for one in of_order])),
        )
        for of_order in found
    )
    return OrderRow(strategy, ratio, first["real_ratio"], first["leakage"], cells)


def _masked(model: Mapping[str, Any], strategy: str, ratio: float) -> Mapping[str, Any]:
    for one in model["masked"]:
        if (one["strategy"], one["ratio"]) == (strategy, ratio):
            return one
    raise ValueError(f"{model['model']} was not judged with {strategy} at {ratio}")


def _mean_and_spread(values: list[float]) -> tuple[float, float]:
    return float(np.mean(values)), max(values) - min(values)
