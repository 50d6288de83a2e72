import pytest
import torch
import torch.nn.functional as F

from analysis.ops.gate import gated_sum, gated_sum_naive

SHAPES = {"one token": (1, 1, 1), "odd sizes": (2, 70, 67), "long": (1, 8, 300)}


def random_inputs(shape):
    generator = torch.Generator().manual_seed(0)
    return [3 * torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(3)], [
        torch.randn(shape, generator=generator, dtype=torch.float64)
    ]


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_compiled_equals_naive_with_gradients(shape):
    inputs, (upstream,) = random_inputs(shape)
    fast = [x.float().requires_grad_() for x in inputs]
    slow = [x.requires_grad_() for x in inputs]
    out, expected = gated_sum(*fast), gated_sum_naive(*slow)
    torch.testing.assert_close(out.double(), expected, rtol=1e-5, atol=1e-5)
    gradients = torch.autograd.grad(out, fast, upstream.float())
    references = torch.autograd.grad(expected, slow, upstream)
    for gradient, reference in zip(gradients, references, strict=True):
        torch.testing.assert_close(gradient.double(), reference, rtol=1e-4, atol=1e-5)


def test_gating_the_sum_is_summing_the_gated():
    (x, y, z), _ = random_inputs((2, 5, 9))
    gated = x * F.silu(z) + y * F.silu(z)
    torch.testing.assert_close(gated_sum(x, y, z), gated, rtol=1e-12, atol=1e-12)


def test_reads_part_of_a_wider_tensor_in_place():
    (x, y, _), _ = random_inputs((2, 6, 9))
    wide = torch.randn(2, 9, 14, generator=torch.Generator().manual_seed(1))
    z = wide.transpose(1, 2)[:, 4:10]
    out = gated_sum(x.float(), y.float(), z)
    torch.testing.assert_close(
        out, gated_sum_naive(x.float(), y.float(), z.contiguous()), rtol=1e-5, atol=1e-5
    )


def test_a_half_type_comes_back():
    inputs, _ = random_inputs((1, 4, 5))
    half = [x.bfloat16() for x in inputs]
    out = gated_sum(*half)
    assert out.dtype == torch.bfloat16
    expected = gated_sum_naive(*(x.double() for x in half))
    torch.testing.assert_close(out.double(), expected, rtol=1e-2, atol=1e-2)


def test_nan_passes_through():
    (x, y, z), _ = random_inputs((1, 3, 20))
    x[0, 1, 2] = float("nan")
    out = gated_sum(x.float(), y.float(), z.float())
    assert torch.equal(out.isnan(), x.isnan())
