"""Rows of decays against NumPy in float64: with this processor's instructions, and without."""

import numpy as np
import pytest
from numba import njit

from analysis.ops import decay_rows
from analysis.ops.lane_code import LANES

EPSILON = np.finfo(np.float32).eps


@pytest.fixture(params=["this processor", "any processor"])
def decay(request, monkeypatch):
    """2**x for a float32 array of whole rows, x split into the factors 1/2 and 2 x."""
    if request.param == "any processor":
        monkeypatch.setattr(decay_rows, "AVX512", False)
    row_function = njit(decay_rows.decay_row.py_func)

    @njit
    def loop(out, steps, rates):
        for i in range(len(steps)):
            row_function(out, i, steps, i, rates, 0, False)

    def evaluate(x):
        steps = np.float32(2) * x.reshape(-1, LANES)
        out = np.empty_like(steps)
        loop(out, steps, np.full((1, LANES), 0.5, np.float32))
        return out.reshape(-1)

    return evaluate


@pytest.mark.parametrize(
    ("low", "high"), [(-126, 0), (-1, 0), (-1e-3, 1e-3), (-30.5, -29.5), (0, 126)], ids=str
)
def test_right_to_a_few_units_in_the_last_place(decay, low, high):
    x = np.linspace(low, high, LANES * 2000, dtype=np.float32)
    error = np.abs(decay(x).astype(np.float64) / np.exp2(x.astype(np.float64)) - 1)
    assert error.max() < 4 * EPSILON


def test_whole_numbers(decay):
    x = np.arange(-64, 64, dtype=np.float32)
    np.testing.assert_allclose(decay(x), np.exp2(x), rtol=2 * EPSILON)


def test_beyond_the_exponents_nothing_is_left(decay):
    x = np.linspace(-1e4, -127, LANES, dtype=np.float32)
    assert (decay(x) < 1e-37).all() and (decay(x) >= 0).all()


def test_nan_stays_nan(decay):
    assert np.isnan(decay(np.full(LANES, np.nan, np.float32))).all()
