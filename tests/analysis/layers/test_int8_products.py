"""8-bit products: exact where 8 bits suffice, close elsewhere, and a model that stays as it was."""

import copy

import pytest
import torch
from torch import nn

from analysis.layers.int8_products import LEFT_IN_FLOAT32, Int8Linear, with_int8_products
from analysis.models import create_model
from analysis.ops.int8_product import int8_product, rounded_weight
from analysis.profiling.bench_precision import PRECISIONS, bench_precision, in_precision


def test_integers_that_fit_in_8_bits_are_multiplied_exactly():
    generator = torch.Generator().manual_seed(0)
    linear = nn.Linear(40, 7)
    with torch.no_grad():
        weight = torch.randint(-127, 128, (7, 40), generator=generator).float()
        weight[:, 0] = 127  # the scale of every channel is then 1
        linear.weight.copy_(weight)
    x = torch.randint(-127, 128, (5, 40), generator=generator).float()
    x[:, 0] = 127  # and that of every token
    torch.testing.assert_close(Int8Linear(linear)(x), linear(x), rtol=1e-6, atol=1e-4)


def test_other_numbers_are_off_by_their_rounding():
    generator = torch.Generator().manual_seed(0)
    linear, x = nn.Linear(64, 32, bias=False), torch.randn(50, 64, generator=generator)
    step_x = x.abs().max() / 127
    step_w = linear.weight.abs().amax(1) / 127
    bound = 64 * (step_x / 2 * linear.weight.abs().amax(1) + step_w / 2 * x.abs().max())
    error = (Int8Linear(linear)(x) - linear(x)).abs().amax(0)
    assert (error <= bound).all()
    assert error.max() > 0


@pytest.mark.parametrize("shape", [(1, 1), (3, 5, 24), (2, 130, 48)], ids=str)
def test_sums_are_those_of_the_rounded_numbers(shape):
    generator = torch.Generator().manual_seed(1)
    weight, scales = rounded_weight(torch.randn(7, shape[-1], generator=generator))
    wide = torch.randn(*shape[:-1], 2 * shape[-1], generator=generator)
    for x in (
        wide[..., : shape[-1]],
        wide[..., : shape[-1]].mT.contiguous().mT,
        torch.zeros(shape),
    ):
        x_scales = (x.abs().amax(-1, keepdim=True) / 127).clamp_min(1e-30)
        expected = (x / x_scales).round().double() @ weight.double().T * x_scales * scales
        torch.testing.assert_close(int8_product(x, weight, scales), expected.float())


@pytest.mark.parametrize("name", ["videomamba_debug", "timesformer_tiny_joint"])
def test_a_copy_is_close_and_the_model_is_left_alone(name):
    torch.manual_seed(0)
    model = create_model(name, num_frames=4, image_size=32).eval()
    before = copy.deepcopy(model.state_dict())
    clip = torch.randn(2, 3, 4, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected, found = model(clip), with_int8_products(model)(clip)
    assert 0 < (found - expected).abs().max() < 0.1 * expected.abs().max()
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    kept = {
        n.rpartition(".")[2]
        for n, m in with_int8_products(model).named_modules()
        if isinstance(m, nn.Linear)
    }
    assert kept <= set(LEFT_IN_FLOAT32)


def test_the_bench_compares_precisions_of_one_model():
    timings = bench_precision("videomamba_debug", num_frames=4, image_size=16, rounds=1)
    assert [timing.precision for timing in timings] == list(PRECISIONS)
    float32, bfloat16, int8 = timings
    assert (float32.times_faster, float32.logit_error) == (1, 0)
    assert 0 < bfloat16.logit_error < 0.1 and 0 < int8.logit_error < 0.1
    with pytest.raises(ValueError, match="choose float32, bfloat16, int8"):
        in_precision(nn.Identity(), "int4")
