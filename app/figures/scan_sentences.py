"""What to look at in each figure of the scan lab, filled with this clip's numbers."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from app.figures.number_format import (
    THIN_SPACE,
    bits,
    compact,
    duration,
    percent,
    share,
    significant,
)
from app.figures.scan_orders import finished, leading_labels, probabilities
from app.theme import SCAN_ORDER_NAMES

Row = dict[str, Any]


def answers_sentence(rows: Sequence[Row]) -> str:
    """Who agrees with the trained order, and who moves furthest from it."""
    run = finished(rows)
    if not run:
        return "Press Compare: the same weights read the same clip once in each chosen order."
    if run[0]["relation"] == "untrained":
        return "Untrained weights: the classes mean nothing; compare times and geometry instead."
    others = [row for row in run if row["relation"] == "reordered"]
    own = next((row for row in run if row["relation"] == "trained order"), None)
    words = (
        []
        if own is None
        else [
            f"In {_name(own)}, its trained order, the model says {own['label']} "
            f"({percent(own['probability'])})."
        ]
    )
    if others:
        same = sum(row["top1_agrees"] for row in others)
        furthest = max(others, key=lambda row: row["divergence_bits"])
        words.append(
            f"{_count(same, len(others))} the trained order's class; "
            f"{_name(furthest)} moves furthest, "
            f"{bits(furthest['divergence_bits'])}, to {furthest['label']} "
            f"({percent(furthest['probability'])})."
        )
        words.append("This is robustness to reordering, not the quality of an order.")
    words.append(trained_sentence(run))
    return " ".join(filter(None, words))


def trained_sentence(run: Sequence[Row]) -> str:
    """What models trained in these orders say; empty where there are fewer than two."""
    trained = [row for row in run if row.get("trained_label") is not None]
    if len(trained) < 2:
        return ""
    counts = Counter(row["trained_label"] for row in trained)
    label, count = counts.most_common(1)[0]
    best = max(trained, key=lambda row: row["trained_accuracy"])
    return (
        f"Of {len(trained)} models each trained in its order, {count} say {label}; the one "
        f"trained in {_name(best)} does best in its test "
        f"({significant(best['trained_accuracy'])}{THIN_SPACE}% right)."
    )


def classes_sentence(rows: Sequence[Row]) -> str:
    """The leading class whose probability depends most on the order."""
    run = finished(rows)
    if len(run) < 2:
        return "Bars of equal length mean that the order does not matter for a class."

    def extremes(label: str) -> tuple[Row, Row]:
        ranked = sorted(run, key=lambda row: probabilities(row)[label])
        return ranked[0], ranked[-1]

    def spread(label: str) -> float:
        low, high = extremes(label)
        return probabilities(high)[label] - probabilities(low)[label]

    label = max(leading_labels(run), key=spread)
    low, high = extremes(label)
    if spread(label) < 0.001:
        return "No leading class moves by a tenth of a per cent between these orders."
    return (
        f"The leading class that depends most on the order is {label}: "
        f"{percent(probabilities(low)[label])} in {_name(low)}, "
        f"{percent(probabilities(high)[label])} in {_name(high)}."
    )


def cost_sentence(rows: Sequence[Row]) -> str:
    """What an order costs against the trained one, and which runs more scans."""
    run = finished(rows)
    if not run:
        return "Lower is nearer to the trained order's answer, further left is faster."
    if len(run) == 1:
        return f"{_name(run[0])} takes {duration(run[0]['latency_ms'])} for one pass here."
    slowest = max(run, key=lambda row: row["relative_latency"])
    fewest = min(row["scans_per_layer"] for row in run)
    scans = slowest["scans_per_layer"]
    why = f", for {scans} scans a layer instead of {fewest}" if scans > fewest else ""
    words = (
        f"{_name(slowest)} takes {significant(slowest['relative_latency'])} times as long as the "
        f"trained order ({duration(slowest['latency_ms'])}){why}"
    )
    rest = [row["relative_latency"] for row in run if row is not slowest]
    return (
        f"{words}; the others {significant(min(rest))} to {significant(max(rest))} times. Each "
        "time is the median of runs in turn with the trained order."
    )


def distance_sentence(rows: Sequence[Row]) -> str:
    """Which order keeps a frame together, and which keeps time together."""
    kinds = [(row, kind) for row in rows for kind in row["layer_kinds"]]
    if not kinds:
        return "Choose an order to see how far apart it puts neighbouring tokens."
    row, kind = min(kinds, key=lambda pair: _or_far(pair[1]["spatial_distance"]))
    words = f"{_name(row)} keeps neighbours within a frame {_steps(kind['spatial_distance'])} apart"
    if kind["temporal_distance"] is None:
        return f"{words}; one frame has no neighbours in time."
    words += f" and the next frame {_steps(kind['temporal_distance'])} away"
    other, nearest = min(kinds, key=lambda pair: _or_far(pair[1]["temporal_distance"]))
    if nearest["temporal_distance"] == kind["temporal_distance"]:
        return f"{words}."
    return (
        f"{words}; {_name(other)} brings the next frame to "
        f"{_steps(nearest['temporal_distance'])} and spreads a frame to "
        f"{_steps(nearest['spatial_distance'])}. Two marks of a kind: two kinds of layers."
    )


def reach_sentence(rows: Sequence[Row]) -> str:
    """What the convolution sees by itself, before any state is carried."""
    if not rows:
        return "Choose an order to see which neighbours its convolution reaches."
    taps = rows[0]["conv_width"]
    words = f"A convolution of {taps} taps looks {taps - 1} steps back. "
    parts = []
    for row in rows[:2]:
        kind = row["layer_kinds"][0]
        time = kind["temporal_conv_reach"]
        in_time = "" if time is None else f" and {share(time)} in time"
        parts.append(f"{_name(row)}: {share(kind['spatial_conv_reach'] or 0)} in space{in_time}")
    return words + "; ".join(parts) + ". What it misses must travel through the state."


def _count(same: int, total: int) -> str:
    if total == 1:
        return "The reordered run keeps" if same else "The reordered run leaves"
    if same in (0, total):
        return f"All {total} reordered runs keep" if same else "No reordered run keeps"
    return f"{same} of {total} reordered runs {'keeps' if same == 1 else 'keep'}"


def _name(row: Row) -> str:
    return SCAN_ORDER_NAMES[row["scan_order"]]


def _steps(distance: float | None) -> str:
    if distance is None:
        return "no steps"
    return "1 step" if distance == 1 else f"{compact(distance)} steps"


def _or_far(distance: float | None) -> float:
    return float("inf") if distance is None else distance
