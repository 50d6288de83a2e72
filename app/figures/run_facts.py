"""What ran, how long it took and what it needed, as a short list of facts."""

from html import escape

from analysis.prediction import Prediction
from app.figures.number_format import NO_VALUE, data_size, duration
from app.theme import SCAN_ORDER_COLORS, SCAN_ORDER_NAMES

_NAMES = (
    "Model",
    "Input",
    "Scan order",
    "Forward pass",
    "Decoding",
    "Peak memory",
    "Scan kernel",
)


def no_run_facts() -> str:
    return _list([(name, NO_VALUE) for name in _NAMES], "")


def run_facts(prediction: Prediction, recalled: bool) -> str:
    """The facts of the run behind `prediction`; `recalled` when it was not run just now.

    Under them stands what is to be known about a file that is cut off, trimmed or damaged.
    """
    size = f"{prediction.image_size}\N{MULTIPLICATION SIGN}{prediction.image_size}"
    frames = "frame" if prediction.num_frames == 1 else "frames"
    memory = prediction.memory_bytes
    values = (
        escape(prediction.model),
        f"{prediction.num_frames} {frames} at {size}",
        order_mark(prediction.scan_order),
        duration(prediction.latency_ms),
        duration(prediction.decode_ms),
        NO_VALUE if memory is None else data_size(memory),
        f"{escape(prediction.kernel)} on {escape(prediction.device.upper())}",
    )
    recalled_note = "Recalled: measured when it was first run." if recalled else ""
    note = f"{prediction.note} {recalled_note}".strip()
    return _list(list(zip(_NAMES, values, strict=True)), note)


def order_mark(scan_order: str) -> str:
    """A scan order's name beside its colour."""
    color = SCAN_ORDER_COLORS[scan_order]
    name = SCAN_ORDER_NAMES[scan_order]
    return f'<span class="order-mark"><i style="background:{color}"></i>{name}</span>'


def _list(facts: list[tuple[str, str]], note: str) -> str:
    rows = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    return f'<div class="facts"><dl>{rows}</dl><p class="facts-note">{escape(note)}</p></div>'
