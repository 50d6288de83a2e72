import pytest
import torch
from safetensors.torch import load_file

from analysis.ops.drop_path import drop_path, drop_path_rates
from analysis.ops.norm import add_residual, rms_norm, rms_norm_naive


def test_add_and_norm_golden(golden_folder):
    case = load_file(golden_folder / "ops.io.safetensors")
    residual = add_residual(case["rmsnorm.hidden"], case["rmsnorm.residual"])
    torch.testing.assert_close(residual, case["rmsnorm.new_residual"], rtol=0, atol=0)
    normed = rms_norm(residual, case["rmsnorm.weight"])
    torch.testing.assert_close(normed, case["rmsnorm.out"], rtol=0, atol=1e-6)


def test_rms_norm_hand_worked():
    """(3, 4): mean square 12.5."""
    out = rms_norm(torch.tensor([3.0, 4.0]), torch.tensor([1.0, 2.0]), eps=0.0)
    torch.testing.assert_close(out, torch.tensor([3 / 12.5**0.5, 8 / 12.5**0.5]))


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("shape", [(1,), (3, 20), (2, 300, 33)], ids=str)
def test_compiled_norm_equals_naive_with_gradients(shape):
    generator = torch.Generator().manual_seed(0)
    x, upstream = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    weight = torch.randn(shape[-1], generator=generator, dtype=torch.float64)
    slow = [tensor.clone().requires_grad_() for tensor in (x, weight)]
    fast = [tensor.float().requires_grad_() for tensor in (x, weight)]
    out, expected = rms_norm(*fast), rms_norm_naive(*slow)
    torch.testing.assert_close(out.double(), expected, rtol=1e-5, atol=1e-5)
    gradients = torch.autograd.grad(out, fast, upstream.float())
    references = torch.autograd.grad(expected, slow, upstream)
    for gradient, reference in zip(gradients, references, strict=True):
        torch.testing.assert_close(gradient.double(), reference, rtol=1e-4, atol=1e-4)


def test_norm_of_a_view_and_of_nan():
    wide = torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
    weight = torch.linspace(1, 2, 4)
    view = wide.T  # rows are not contiguous
    torch.testing.assert_close(rms_norm(view, weight), rms_norm_naive(view, weight))
    wide[1, 2] = torch.nan
    assert torch.equal(rms_norm(wide.T, weight).isnan().any(1), torch.arange(6) == 2)


def test_residual_stays_float32_under_half_precision():
    residual = add_residual(torch.ones(2, dtype=torch.bfloat16), torch.full((2,), 2**-10))
    assert residual.dtype == torch.float32
    assert residual.tolist() == [1 + 2**-10] * 2
    assert rms_norm(residual, torch.ones(2, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_rates_are_linear_and_shifted_by_one():
    assert drop_path_rates(0.3, 4) == pytest.approx((0.0, 0.0, 0.1, 0.2, 0.3))
    assert drop_path_rates(0.5, 1) == (0.0, 0.0)


def test_drop_path_drops_whole_clips_and_keeps_the_mean():
    x = torch.ones(4000, 3)
    dropped = drop_path(x, 0.25, training=True, generator=torch.Generator().manual_seed(0))
    kept = dropped[:, 0] != 0
    assert torch.equal(dropped, kept[:, None] * x / 0.75)
    assert kept.float().mean().item() == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize(("rate", "training"), [(0.5, False), (0.0, True)])
def test_drop_path_is_the_identity(rate, training):
    x = torch.randn(3, 2)
    assert drop_path(x, rate, training) is x
