"""The badge that says how closely the parts of an explanation add up."""

from app.figures.badge import badge
from app.figures.number_format import NO_VALUE, THIN_SPACE, significant

LIMIT = 1e-4
"""Largest relative error of a sum that still counts as proved (float32)."""

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def proof_badge(completeness_error: float | None) -> str:
    """Green within `LIMIT`, red above it, plain where the method promises no sum."""
    if completeness_error is None:
        return badge("promises no sum", "plain", "Its values are not parts of anything.")
    missed = f"Sum of parts against what it should be: {scientific(completeness_error)} relative"
    if completeness_error <= LIMIT:
        return badge(f"adds up, error {scientific(completeness_error)}", "good", f"{missed}.")
    return badge(
        f"misses its sum by {share_or_power(completeness_error)}",
        "bad",
        f"{missed}; the limit is {scientific(LIMIT)}.",
    )


def scientific(value: float) -> str:
    """A small number in two digits and a power of ten: 6.9·10⁻⁸."""
    if value == 0:
        return "0"
    if not value < float("inf"):
        return NO_VALUE
    digits, power = f"{value:.1e}".split("e")
    raised = str(int(power)).translate(_SUPERSCRIPTS)
    return f"{digits}{THIN_SPACE}\N{MULTIPLICATION SIGN}{THIN_SPACE}10{raised}"


def share_or_power(value: float) -> str:
    """An error as a percentage where that reads well, else as a power of ten."""
    if 0.001 <= value < 100:
        return f"{significant(100 * value, 2)}{THIN_SPACE}%"
    return scientific(value)
