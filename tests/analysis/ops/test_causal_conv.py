import pytest
import torch
from safetensors.torch import load_file

from analysis.ops.causal_conv import causal_conv, causal_conv_naive

SHAPES = {
    "one token": (1, 1, 1, 4),
    "shorter than the kernel": (2, 5, 3, 4),
    "odd length": (3, 70, 67, 4),
    "long": (1, 8, 300, 4),
    "width two": (2, 16, 33, 2),
}


def random_inputs(shape, dtype=torch.float32, seed=0):
    batch, channels, length, taps = shape
    generator = torch.Generator().manual_seed(seed)
    sizes = ((batch, channels, length), (channels, taps), (channels,))
    return [torch.randn(size, generator=generator, dtype=torch.float64).to(dtype) for size in sizes]


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("silu", [False, True], ids=["plain", "silu"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_compiled_equals_naive_with_gradients(shape, silu, reverse):
    fast = [x.requires_grad_() for x in random_inputs(shape)]
    slow = [x.requires_grad_() for x in random_inputs(shape, torch.float64)]
    out = causal_conv(*fast, silu=silu, reverse=reverse)
    expected = causal_conv_naive(*slow, silu=silu, reverse=reverse)
    torch.testing.assert_close(out.double(), expected, rtol=1e-5, atol=1e-5)
    upstream = torch.sin(torch.arange(out.numel(), dtype=torch.float64)).view_as(expected)
    gradients = torch.autograd.grad(out, fast, upstream.float())
    expected_gradients = torch.autograd.grad(expected, slow, upstream)
    for gradient, reference in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(gradient.double(), reference, rtol=1e-4, atol=1e-4)


def test_golden(golden_folder):
    case = load_file(golden_folder / "ops.io.safetensors")
    inputs = case["conv.x"], case["conv.weight"], case["conv.bias"]
    torch.testing.assert_close(causal_conv(*inputs), case["conv.out_silu"], rtol=0, atol=1e-6)
    torch.testing.assert_close(
        causal_conv(*inputs, silu=False), case["conv.out"], rtol=0, atol=1e-6
    )


def test_hand_worked():
    """Taps (1, 2, 10): own token times 10, the one before times 2, two before times 1."""
    x = torch.tensor([[[1.0, 2.0, 3.0, 4.0]]])
    weight, bias = torch.tensor([[1.0, 2.0, 10.0]]), torch.tensor([100.0])
    forward = causal_conv(x, weight, bias, silu=False)
    assert forward.tolist() == [[[110.0, 122.0, 135.0, 148.0]]]
    backward = causal_conv(x, weight, bias, silu=False, reverse=True)
    assert backward.tolist() == [[[100 + 10 + 4 + 3.0, 100 + 20 + 6 + 4.0, 138.0, 140.0]]]


def test_reads_part_of_a_wider_tensor_in_place():
    wide = torch.randn(2, 9, 12, generator=torch.Generator().manual_seed(1))
    x = wide.transpose(1, 2)[:, 4:10]
    _, weight, bias = random_inputs((2, 6, 9, 4))
    torch.testing.assert_close(
        causal_conv(x, weight, bias), causal_conv_naive(x, weight, bias), rtol=1e-5, atol=1e-5
    )
