"""Vector functions built of single instructions, against NumPy in float64."""

import numpy as np
import pytest
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from analysis.ops import avx512

pytestmark = pytest.mark.skipif(not avx512.AVX512, reason="this processor has no AVX-512")

EPSILON = np.finfo(np.float32).eps


def over_an_array(build):
    """What `build` makes of 16 numbers, over a whole float32 array."""

    @intrinsic
    def vector(typing_context, out, x, at):
        def generate(context, builder, signature, arguments):
            out, x = (
                builder.bitcast(
                    builder.gep(
                        context.make_array(kind)(context, builder, argument).data, [arguments[2]]
                    ),
                    avx512.VECTOR.as_pointer(),
                )
                for kind, argument in zip(signature.args[:2], arguments[:2], strict=True)
            )
            builder.store(build(builder, builder.load(x, align=4)), out, align=4)
            return context.get_dummy_value()

        return types.void(out, x, types.int64), generate

    @njit
    def loop(out, x):
        for at in range(0, len(x), avx512.WIDTH):
            vector(out, x, at)

    def evaluate(x):
        x = np.asarray(x, np.float32)
        out = np.empty_like(np.pad(x, (0, -len(x) % avx512.WIDTH)))
        loop(out, np.pad(x, (0, -len(x) % avx512.WIDTH)))
        return out[: len(x)]

    return evaluate


@pytest.fixture(scope="module")
def exp2():
    return over_an_array(lambda builder, x: avx512.exp2(builder, [x])[0])


@pytest.fixture(scope="module")
def softplus():
    return over_an_array(lambda builder, x: avx512.softplus(builder, [x])[0])


def relative_error(found, exact):
    """In units of float32's epsilon."""
    return np.abs(found.astype(np.float64) / exact - 1) / EPSILON


@pytest.mark.parametrize(
    ("low", "high"), [(-124, 0), (0, 126), (-1, 0), (-1e-3, 1e-3), (-30.5, -29.5)], ids=str
)
def test_exp2_is_right_to_a_few_units_in_the_last_place(exp2, low, high):
    x = np.linspace(low, high, 200_001, dtype=np.float32)
    assert relative_error(exp2(x), np.exp2(x.astype(np.float64))).max() < 3


def test_states_that_hardly_fade_do_not_drift(exp2):
    """An error of one sign would add up over thousands of tokens."""
    x = np.linspace(-0.01, 0, 200_001, dtype=np.float32)
    error = exp2(x).astype(np.float64) / np.exp2(x.astype(np.float64)) - 1
    assert abs(error.mean()) < 0.25 * EPSILON


def test_exp2_where_its_table_begins_and_ends(exp2):
    steps = np.arange(-320, 320, dtype=np.float32) / 32
    around = np.concatenate([steps, np.nextafter(steps, -np.inf), np.nextafter(steps, np.inf)])
    around = around.astype(np.float32)
    assert relative_error(exp2(around), np.exp2(around.astype(np.float64))).max() < 3


def test_exp2_far_away(exp2):
    found = exp2([-np.inf, -1e30, -1e6, -200, 200, 1e6, 1e30, np.inf, np.nan])
    assert np.array_equal(found[:8], [0, 0, 0, 0, *[np.inf] * 4])
    assert np.isnan(found[8])


@pytest.mark.parametrize(("low", "high"), [(-80, 80), (-2, 2), (-1e-3, 1e-3), (-80, -60)], ids=str)
def test_softplus_is_relatively_right_on_both_sides(softplus, low, high):
    x = np.linspace(low, high, 200_001, dtype=np.float32)
    exact = np.logaddexp(0, x.astype(np.float64))
    assert (relative_error(softplus(x), exact) / (4 + np.abs(x))).max() < 1


def test_softplus_at_zero_and_far_away(softplus):
    assert relative_error(softplus([0.0, -0.0]), np.log(2)).max() < 2
    found = softplus([-np.inf, -1e30, -1000, 100, 1e30, np.inf, np.nan])
    assert np.array_equal(found[:6], np.float32([0, 0, 0, 100, 1e30, np.inf]))
    assert np.isnan(found[6])


def test_sums_of_four_vectors():
    """Whole numbers: sums in any order are exact."""

    def four_sums(builder, x):
        vectors = [builder.fmul(x, avx512.same(k)) for k in (1, 10, 100, 1000)]
        sums = avx512.sums_of_four(builder, vectors)
        lanes = ir.VectorType(ir.IntType(32), avx512.WIDTH)([0, 1, 2, 3] * 4)
        return builder.shuffle_vector(sums, sums.type(ir.Undefined), lanes)

    x = np.random.default_rng(0).integers(-100, 100, avx512.WIDTH).astype(np.float32)
    found = over_an_array(four_sums)(x)
    assert np.array_equal(found, np.tile(x.sum() * np.float32([1, 10, 100, 1000]), 4))
