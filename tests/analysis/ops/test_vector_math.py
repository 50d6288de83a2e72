"""The polynomial exponential, softplus and sigmoid against NumPy in float64."""

import numpy as np
import pytest
from numba import njit

from analysis.ops import vector_math

EPSILON = np.finfo(np.float32).eps


def over_an_array(function):
    """The compiled function over a float32 array, vectorised as the kernels' loops are."""

    @njit(fastmath=vector_math.FASTMATH)
    def loop(x, out):
        for i in range(x.size):
            out[i] = function(x[i])

    def evaluate(x):
        out = np.empty_like(x)
        loop(x, out)
        return out

    return evaluate


@pytest.fixture(scope="module")
def exp2():
    return over_an_array(vector_math.exp2)


@pytest.fixture(scope="module")
def softplus():
    return over_an_array(vector_math.softplus)


@pytest.fixture(scope="module")
def sigmoid():
    return over_an_array(vector_math.sigmoid)


def relative_error(found, exact):
    """In units of float32's epsilon."""
    return np.abs(found.astype(np.float64) / exact - 1) / EPSILON


def grid(low, high, count=200_001):
    return np.linspace(low, high, count, dtype=np.float32)


@pytest.mark.parametrize(
    ("low", "high"), [(-126, 126), (-1, 1), (-1e-3, 1e-3), (-30.5, -29.5)], ids=str
)
def test_exp2_is_right_to_a_few_units_in_the_last_place(exp2, low, high):
    x = grid(low, high)
    assert relative_error(exp2(x), np.exp2(x.astype(np.float64))).max() < 4


def test_exp2_of_whole_numbers_and_halves(exp2):
    whole = np.arange(-126, 127, dtype=np.float32)
    assert relative_error(exp2(whole), np.exp2(whole.astype(np.float64))).max() < 2
    halves = whole[:-1] + np.float32(0.5)  # where rounding may go either way
    assert relative_error(exp2(halves), np.exp2(halves.astype(np.float64))).max() < 4


def test_exp2_holds_exponents_beyond_126(exp2):
    beyond = np.array([-np.inf, -1e30, -1000, -126.5, 126.5, 1000, 1e30, np.inf], np.float32)
    ends = np.repeat(exp2(np.array([-126, 126], np.float32)), 4)
    assert np.array_equal(exp2(beyond), ends)


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize(("low", "high"), [(-42, 42), (-0.1, 0.1)], ids=str)
def test_exp2_of_a_product(small, low, high):
    function = over_an_array(njit(lambda x: vector_math.exp2_product(np.float32(3), x, small)))
    x = grid(low, high)
    exact = np.exp2(3 * x.astype(np.float64))
    # Unless it is fused into the next addition, the product is rounded before its power is taken.
    assert (relative_error(function(x), exact) / (4 + 3 * np.abs(x))).max() < 1


def test_exp2_of_a_far_product_is_held(exp2):
    function = over_an_array(njit(lambda x: vector_math.exp2_product(np.float32(3), x, False)))
    ends = exp2(np.array([-126, 126], np.float32))
    assert np.array_equal(function(np.array([-1e30, 1e30], np.float32)), ends)


# The argument itself is rounded: at |x| = 80 half a unit of it moves the result by 40 epsilon.
@pytest.mark.parametrize(("low", "high"), [(-80, 80), (-2, 2), (-1e-3, 1e-3), (-80, -60)], ids=str)
def test_softplus_is_relatively_right_on_both_sides(softplus, low, high):
    x = grid(low, high)
    exact = np.logaddexp(0, x.astype(np.float64))
    assert (relative_error(softplus(x), exact) / (4 + np.abs(x))).max() < 1


@pytest.mark.parametrize(("low", "high"), [(-80, 80), (-2, 2), (-1e-3, 1e-3), (-80, -60)], ids=str)
def test_sigmoid_is_relatively_right_on_both_sides(sigmoid, low, high):
    x = grid(low, high)
    exact = 1 / (1 + np.exp(-x.astype(np.float64)))
    assert (relative_error(sigmoid(x), exact) / (4 + np.abs(x))).max() < 1


def test_far_arguments_stay_finite(softplus, sigmoid):
    x = np.array([-1e30, -1000, -100, 100, 1000, 1e30], np.float32)
    assert np.all(sigmoid(x)[:3] < 1e-37)
    # Processors differ in the last bit.
    assert np.abs(sigmoid(x)[3:] - 1).max() <= np.finfo(np.float32).eps
    assert np.all((softplus(x)[:3] >= 0) & (softplus(x)[:3] < 1e-37))
    assert np.array_equal(softplus(x)[3:], x[3:])


def test_nan_passes_through(exp2, softplus, sigmoid):
    x = np.full(32, np.nan, np.float32)
    for function in (exp2, softplus, sigmoid):
        assert np.isnan(function(x)).all()
