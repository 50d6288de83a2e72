"""Stretches of time as people write them."""

from analysis.retrieval.errors import RetrievalError


def time_range(text: str | None) -> tuple[float | None, float | None]:
    """From and to in seconds: "2-6.5", "10-" and "-4"; nothing is None, None.

    Raises RetrievalError for anything else, and for an end that is not after the beginning.
    """
    plain = (text or "").strip().lower().replace("\N{EN DASH}", "-").removesuffix("s").strip()
    if not plain or plain == "all":
        return None, None
    first, dash, last = plain.partition("-")
    start = end = None
    if dash and _is_time(first) and _is_time(last):
        start, end = (float(part) if part.strip() else None for part in (first, last))
    if start is None and end is None:
        raise RetrievalError(f'"{text}" says no time; write seconds such as 2-6, 10- or -4.')
    if end is not None and end <= (start or 0.0):
        raise RetrievalError(f"The time {text} ends before it begins; write it as 2-6.")
    return start, end


def _is_time(text: str) -> bool:
    """Whether a text is a number of seconds, or nothing."""
    return not text.strip() or text.strip().replace(".", "", 1).isdecimal()
