import math

import pytest

from app.figures.number_format import (
    NO_VALUE,
    clock,
    data_size,
    duration,
    percent,
    percent_points,
    significant,
)

THIN, MINUS = "\N{NARROW NO-BREAK SPACE}", "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(0, "0", id="zero"),
        pytest.param(0.012345, "0.0123", id="small"),
        pytest.param(-4.5678, "-4.57", id="negative"),
        pytest.param(99.95, "100", id="rounds-up-a-digit"),
        pytest.param(31.44, "31.4", id="tens"),
        pytest.param(1234567, f"1{THIN}230{THIN}000", id="millions"),
        pytest.param(math.nan, NO_VALUE, id="nan"),
        pytest.param(math.inf, NO_VALUE, id="infinite"),
    ],
)
def test_three_significant_digits(value, text):
    assert significant(value) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0.5, "0.500 ms"), (31.4, "31.4 ms"), (1530, "1.53 s"), (240_000, "4.00 min")],
)
def test_durations_in_the_unit_that_reads_best(milliseconds, text):
    assert duration(milliseconds) == text.replace(" ", THIN)


@pytest.mark.parametrize(
    ("count", "text"), [(512, "512 B"), (18_300_000, "18.3 MB"), (2.5e9, "2.50 GB")]
)
def test_data_sizes(count, text):
    assert data_size(count) == text.replace(" ", THIN)


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(0.972, "97.2 %"), (0.0001, "<0.1 %"), (0.0, "0.0 %"), (1.0, "100.0 %")],
)
def test_probabilities(fraction, text):
    assert percent(fraction) == text.replace(" ", THIN)


@pytest.mark.parametrize(
    ("difference", "text"),
    [(0.123, "+12.3 pt"), (-0.05, f"{MINUS}5.0 pt"), (0.0001, "0.0 pt")],
)
def test_differences_carry_their_sign(difference, text):
    assert percent_points(difference) == text.replace(" ", THIN)


def test_moments_of_a_clip():
    assert (clock(0.896), clock(12.34)) == ("0.90", "12.3")
