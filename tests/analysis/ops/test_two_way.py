"""Both directions at once against one direction after the other in plain PyTorch, in float64."""

import pytest
import torch

from analysis.layers.mixer import BidirectionalMixer
from analysis.layers.token_grid import TokenGrid
from analysis.ops.causal_conv import causal_conv_naive
from analysis.ops.selective_scan import selective_scan, use_implementation
from analysis.ops.two_way import two_way_conv, two_way_scan_, two_way_supports

SIZES = {
    "one token": (1, 1, 1, 1, 1),
    "less than a chunk": (1, 5, 7, 2, 3),
    "odd sizes": (2, 67, 70, 3, 5),
    "several blocks": (3, 300, 130, 12, 16),
}
"""B, L, E, R, N."""


@pytest.fixture(params=SIZES.values(), ids=SIZES)
def size(request):
    return request.param


def random_tensor(*shape):
    seed = sum(shape)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("taps", [1, 3, 4])
def test_conv_equals_both_directions(size, taps):
    batch, length, channels, *_ = size
    x, weights, biases = (
        random_tensor(batch, length, 2 * channels)[..., :channels],
        random_tensor(2, channels, taps),
        random_tensor(2, channels),
    )
    out = two_way_conv(x.float(), weights.float(), biases.float())
    for way in range(2):
        expected = causal_conv_naive(
            x.transpose(1, 2), weights[way], biases[way], reverse=way == 1
        ).transpose(1, 2)
        torch.testing.assert_close(out[way].double(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("fastest", [0.0, 3.0], ids=["slow decay", "decay to nothing"])
def test_scan_equals_the_gated_sum_of_both_directions(size, fastest):
    batch, length, channels, rank, states = size
    u, selection = (
        random_tensor(2, batch, length, channels),
        random_tensor(2, batch, length, rank + 2 * states),
    )
    z = random_tensor(batch, length, 2 * channels)[..., channels:]
    A_log, step_weight = (
        fastest + random_tensor(2, channels, states),
        random_tensor(2, channels, rank) / rank,
    )
    bias, skip = fastest + random_tensor(2, channels), random_tensor(2, channels) + 1
    expected = 0
    for way in range(2):
        step, B, C = selection[way].split([rank, states, states], dim=-1)
        expected = expected + selective_scan(
            u[way].transpose(1, 2),
            (step @ step_weight[way].T).transpose(1, 2),
            -A_log[way].exp(),
            B.transpose(1, 2),
            C.transpose(1, 2),
            skip[way],
            z.transpose(1, 2),
            bias[way],
            True,
            reverse=way == 1,
            implementation="naive",
        ).transpose(1, 2)
    arguments = (x.float() for x in (u, selection, z, A_log, step_weight, bias, skip))
    out = two_way_scan_(*arguments)
    torch.testing.assert_close(out.double(), expected, rtol=2e-5, atol=2e-5)


def test_mixer_gives_the_same_with_and_without_gradients():
    mixer, grid = BidirectionalMixer(24), TokenGrid(2, 3, 4)
    x = random_tensor(2, grid.length, 24).float()
    with torch.no_grad():
        at_once = mixer(x, grid)
    torch.testing.assert_close(at_once, mixer(x, grid).detach(), rtol=0, atol=1e-6)


def test_only_for_float32_without_gradients_on_processors():
    x = torch.zeros(1)
    assert not two_way_supports(x)
    with torch.no_grad():
        assert two_way_supports(x)
        assert not two_way_supports(x.double()) and not two_way_supports(x.bfloat16())
        with use_implementation("naive"):
            assert not two_way_supports(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert not two_way_supports(x)
