"""Figures of masks as sortable tables: by strategy, and by strategy and scan order."""

from collections.abc import Callable

from analysis.masking.interval import Interval
from analysis.masking.strategies import STRATEGIES
from app.components.sorted_table import Column, Row, sorted_table
from app.figures.badge import badge
from app.figures.number_format import share, significant, whole
from app.mask_measures import MaskMeasures
from app.theme import SCAN_ORDER_NAMES, STRATEGY_COLORS, STRATEGY_NAMES

NOTHING = "Figures of every strategy, once the masks are drawn."


def strategy_table(measures: MaskMeasures | None, still: bool = False) -> str:
    """A row per strategy with what its masks leave, in the chosen scan order.

    still: as in `sorted_table`.
    """
    if measures is None:
        return f'<p class="table-empty">{NOTHING}</p>'
    columns = _COLUMNS if measures.attribution else _COLUMNS[:-1]
    return sorted_table(
        f"Masks of every strategy, read {SCAN_ORDER_NAMES[measures.scan_order].lower()}",
        columns,
        _rows(measures),
        attributes=_attributes,
        still=still,
    )


def order_table(measures: MaskMeasures | None, still: bool = False) -> str:
    """A row per strategy: mean run of visible tokens in every scan order, and leakage.

    Scan orders that read the same token orders equally often share a column. still: as in
    `sorted_table`.
    """
    if measures is None:
        return f'<p class="table-empty">{NOTHING}</p>'
    columns = [_NAME, *map(_order_column, _equal_orders(measures)), _LEAKAGE]
    return sorted_table(
        "Mean run of visible tokens by scan order",
        columns,
        _rows(measures),
        attributes=_attributes,
        still=still,
    )


def metric_rows(measures: MaskMeasures) -> list[dict]:
    """The figures as flat rows, one per strategy and scan order, for files."""
    rows = []
    for name, one in measures.metrics.items():
        for order, scan in one.scans.items():
            row = {
                "strategy": name,
                "published": STRATEGIES[name].published,
                "scan_order": order,
                "visible": one.visible,
                "real_ratio": one.real_ratio,
                "draws": one.draws,
            }
            for figure, interval in (one.figures | scan.figures).items():
                for end in ("mean", "low", "high"):
                    row[f"{figure}_{end}"] = None if interval is None else getattr(interval, end)
            rows.append(row)
    return rows


def _rows(measures: MaskMeasures) -> list[Row]:
    return [
        {
            "place": place,
            "strategy": name,
            "visible": one.visible,
            "real_ratio": one.real_ratio,
            "scans": {order: scan.figures for order, scan in one.scans.items()},
            **one.figures,
            **one.scans[measures.scan_order].figures,
        }
        for place, (name, one) in enumerate(measures.metrics.items())
    ]


def _attributes(row: Row) -> str:
    return f'style="--row-color: {STRATEGY_COLORS[row["strategy"]]}"'


def _name(row: Row) -> str:
    name = row["strategy"]
    mark = badge("published" if STRATEGIES[name].published else "ours", "plain")
    return f'<span class="row-name">{STRATEGY_NAMES[name]}</span>{mark}'


def _figure(name: str, words: str, key: str, written: Callable[[float], str]) -> Column:
    return Column(
        name,
        words,
        lambda row: None if row.get(key) is None else row[key].mean,
        lambda row: _with_interval(row[key], written),
    )


def _with_interval(interval: Interval, written: Callable[[float], str]) -> str:
    """A mean as a cell, its interval under it where it is not of one value."""
    mean = f'<span class="one-line">{written(interval.mean)}</span>'
    if interval.low is None or interval.low == interval.high:
        return mean
    return f"{mean}<small>{written(interval.low)} to {written(interval.high)}</small>"


def _equal_orders(measures: MaskMeasures) -> list[list[str]]:
    """Scan orders in groups that have the same figures for every strategy."""
    groups: list[list[str]] = []
    for order in next(iter(measures.metrics.values())).scans:
        for group in groups:
            if all(one.scans[order] == one.scans[group[0]] for one in measures.metrics.values()):
                group.append(order)
                break
        else:
            groups.append([order])
    return groups


def _order_column(orders: list[str]) -> Column:
    names = [SCAN_ORDER_NAMES[order] for order in orders]
    title = names[0] if len(names) == 1 else f"{len(names)} mixed orders"
    return Column(
        title,
        f"Mean run of visible tokens, mean over the scans of a model: {'; '.join(names)}",
        lambda row: _run_in(row, orders[0]) and _run_in(row, orders[0]).mean,
        lambda row: _with_interval(_run_in(row, orders[0]), significant),
    )


def _run_in(row: Row, order: str) -> Interval | None:
    return row["scans"][order]["mean_run"]


def _part(value: float) -> str:
    return share(round(value, 3))


_NAME = Column("Strategy", "How tokens are chosen", lambda row: row["place"], _name)
_LEAKAGE = _figure(
    "Leakage",
    "Share of hidden tokens whose site is visible one time step earlier or later",
    "leakage",
    _part,
)
_COLUMNS = (
    _NAME,
    Column(
        "Hidden",
        "Share of the tokens that is hidden after rounding, and the tokens left",
        lambda row: row["real_ratio"],
        lambda row: f"{_part(row['real_ratio'])}<small>{whole(row['visible'])} left</small>",
    ),
    _figure(
        "Mean run", "Visible tokens that follow one another in the scan", "mean_run", significant
    ),
    _figure(
        "Mean gap", "Scan steps between visible tokens before dropping", "mean_gap", significant
    ),
    _figure(
        "In reach, space",
        "Neighbours in the frame within the convolution, per visible token, each pair once",
        "spatial_in_reach",
        significant,
    ),
    _figure(
        "In reach, time",
        "Neighbours in time within the convolution, per visible token, each pair once",
        "temporal_in_reach",
        significant,
    ),
    _figure(
        "Std a step", "Standard deviation of visible tokens by time step", "frame_std", significant
    ),
    _figure("Places seen", "Share of places visible in some time step", "site_share", _part),
    _LEAKAGE,
    _figure("Leakage, 2 steps", "The same, two steps earlier or later too", "wide_leakage", _part),
    _figure("Motion seen", "Share of frame difference inside visible tokens", "motion", _part),
    _figure(
        "Evidence seen",
        "Share of an attribution map's magnitude on visible tokens",
        "absolute_mass",
        _part,
    ),
)
