"""One way to write numbers: three significant digits, a thin unbreakable space, the unit."""

import math

THIN_SPACE = "\N{NARROW NO-BREAK SPACE}"
NO_VALUE = "\N{EN DASH}"
_DECIMAL_STEPS = ("", "k", "M", "G", "T")


def significant(value: float, digits: int = 3) -> str:
    """`value` rounded to `digits` significant digits, without an exponent: 0.0123, 4.57, 1 230."""
    if not math.isfinite(value):
        return NO_VALUE
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits}g}")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    return f"{rounded:,.{decimals}f}".replace(",", THIN_SPACE)


def with_minus(value: float, digits: int = 3) -> str:
    """As `significant`, negative values with a true minus sign."""
    sign = "\N{MINUS SIGN}" if value < 0 else ""
    return f"{sign}{significant(abs(value), digits)}"


def compact(value: float) -> str:
    """`value` to three significant digits without trailing zeros: 1, 7.5, 196."""
    text = significant(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def whole(value: float) -> str:
    """`value` as a whole number, all digits: 64, 1 569."""
    return f"{value:,.0f}".replace(",", THIN_SPACE)


def with_unit(value: float, unit: str) -> str:
    return f"{significant(value)}{THIN_SPACE}{unit}"


def duration(milliseconds: float) -> str:
    """Milliseconds as ms, s or min, whichever reads best."""
    if milliseconds < 1000:
        return with_unit(milliseconds, "ms")
    if milliseconds < 120_000:
        return with_unit(milliseconds / 1000, "s")
    return with_unit(milliseconds / 60_000, "min")


def data_size(count: float) -> str:
    """Bytes in decimal units (kB, MB, GB)."""
    return f"{in_thousands(count)}B"


def in_thousands(count: float) -> str:
    """A large count with its power of a thousand: 84.5 M, 2.36 T."""
    step = 0
    while abs(count) >= 1000 and step < len(_DECIMAL_STEPS) - 1:
        count, step = count / 1000, step + 1
    return with_unit(count, _DECIMAL_STEPS[step])


def percent(fraction: float) -> str:
    """A probability as a percentage with one decimal, or "<0.1 %" when it rounds to nothing."""
    if 0 < fraction < 0.0005:
        return f"<0.1{THIN_SPACE}%"
    return f"{100 * fraction:.1f}{THIN_SPACE}%"


def bits(divergence: float) -> str:
    """A divergence in bits; below a thousandth it is as good as none."""
    if 0 < divergence < 0.001:
        return f"<0.001{THIN_SPACE}bit"
    return with_unit(divergence, "bit")


def share(fraction: float) -> str:
    """A counted share as a percentage without trailing zeros: 50 %, 92.9 %."""
    return f"{compact(100 * fraction)}{THIN_SPACE}%"


def percent_points(difference: float) -> str:
    """A difference of two probabilities in percentage points, always with its sign."""
    if abs(difference) < 0.0005:
        return f"0.0{THIN_SPACE}pt"
    sign = "+" if difference > 0 else "\N{MINUS SIGN}"
    return f"{sign}{100 * abs(difference):.1f}{THIN_SPACE}pt"


def clock(seconds: float) -> str:
    """A moment in a clip: hundredths below ten seconds, tenths above."""
    return f"{seconds:.{2 if seconds < 10 else 1}f}"
