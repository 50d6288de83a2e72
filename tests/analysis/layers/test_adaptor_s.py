"""Adaptor-S against plain sums over neighbours, and what its parts promise."""

from itertools import product

import pytest
import torch

from analysis.layers.adaptor_config import AdaptorConfig
from analysis.layers.adaptor_s import AdaptorS
from analysis.layers.token_grid import ClassFreeGrid, TokenGrid
from analysis.layers.visible_tokens import VisibleTokens

F64 = torch.float64
CASES = {
    "sum": {},
    "split": {"branches": "split"},
    "one_scale": {"dilations": (1,)},
    "four_scales": {"dilations": (1, 2, 3, 4)},
    "3d": {"kernel": "3d"},
    "3d_split": {"kernel": "3d", "branches": "split"},
}


@pytest.fixture(autouse=True, scope="module")
def small_tensors(one_thread):
    """All tests here run in one thread."""


def adaptor(channels=7, **fields):
    """An Adaptor-S in float64 with random kernels."""
    made = AdaptorS(channels, AdaptorConfig(**fields)).to(F64)
    generator = torch.Generator().manual_seed(0)
    for kernel in made.kernels:
        kernel.data.normal_(generator=generator)
    return made


def random_grid(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=F64)


@torch.no_grad()
def plain_surroundings(y, made):
    """Sums over neighbours (B, E, t, h, w), tap by tap."""
    frames, height, width = y.shape[2:]
    scales = made.config.dilations
    out, first = torch.zeros_like(y), 0
    for dilation, kernel in zip(scales, made.kernels, strict=True):
        channels = slice(first, first + len(kernel))
        first += len(kernel) if made.config.branches == "split" else 0
        time_taps = (-1, 0, 1) if made.config.kernel == "3d" else (0,)
        for f, r, c in product(range(frames), range(height), range(width)):
            for (a, df), (b, dr), (d, dc) in product(
                enumerate(time_taps), enumerate((-1, 0, 1)), enumerate((-1, 0, 1))
            ):
                at = (f + df, r + dr * dilation, c + dc * dilation)
                if all(0 <= x < n for x, n in zip(at, y.shape[2:], strict=True)):
                    tap = kernel[:, 0, a, b, d]
                    out[:, channels, f, r, c] += tap * y[:, channels, at[0], at[1], at[2]]
    return out


@pytest.mark.parametrize("shape", [(1, 4, 5), (3, 2, 2), (2, 1, 2)], ids=str)
@pytest.mark.parametrize("case", CASES)
def test_surroundings_equal_plain_sums(case, shape):
    """Dilations larger than the grid are legal: what lies beyond it is zero."""
    made, y = adaptor(**CASES[case]), random_grid(2, 7, *shape)
    torch.testing.assert_close(made.surroundings(y), plain_surroundings(y, made))


def test_float32_equals_float64():
    made, y = adaptor(), random_grid(2, 7, 2, 4, 5)
    expected = made.surroundings(y)
    found = made.float().surroundings(y.float())
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-4)


def test_one_pixel_touches_twenty_five_positions():
    """Dilations 1, 2, 3 and kernels of ones: 25 positions within 7 x 7."""
    made = adaptor(1)
    for kernel in made.kernels:
        torch.nn.init.ones_(kernel)
    y = torch.zeros(1, 1, 1, 11, 11, dtype=F64)
    y[..., 5, 5] = 1
    touched = made.surroundings(y)[0, 0, 0].nonzero()
    assert len(touched) == 25
    assert (touched.amin(0).tolist(), touched.amax(0).tolist()) == ([2, 2], [8, 8])


@pytest.mark.parametrize("case", CASES)
def test_channels_do_not_mix(case):
    made, y = adaptor(**CASES[case]), random_grid(1, 7, 2, 3, 3)
    other = y.clone()
    other[:, 4] += 1
    moved = (made.surroundings(other) - made.surroundings(y)).abs().amax((0, 2, 3, 4)) > 0
    assert moved.tolist() == [channel == 4 for channel in range(7)]


def test_2d_kernels_stay_within_a_frame_and_3d_ones_do_not():
    y = random_grid(1, 7, 3, 3, 3)
    other = y.clone()
    other[:, :, 0] += 1
    for kernel, reached in (("2d", 1), ("3d", 2)):
        made = adaptor(kernel=kernel)
        moved = (made.surroundings(other) - made.surroundings(y)).abs().amax((0, 1, 3, 4)) > 0
        assert moved.tolist() == [frame < reached for frame in range(3)]


@pytest.mark.parametrize("case", CASES)
def test_zero_kernels_are_the_identity_and_learn_at_once(case):
    made = AdaptorS(7, AdaptorConfig(**CASES[case])).to(F64)
    y = random_grid(2, 7, 8).requires_grad_()
    added = made(y, ClassFreeGrid(2, 2, 2))
    assert torch.equal(y + added, y)
    (y + added).square().sum().backward()
    for kernel in made.kernels:
        assert kernel.grad.abs().amax((1, 2, 3, 4)).min() > 0


@pytest.mark.parametrize("kernel", ["2d", "3d"])
def test_backbone_start_is_a_third_of_the_usual_one(kernel):
    """Kaiming uniform, bound 1 / sqrt(taps), over the three scales."""
    made = AdaptorS(600, AdaptorConfig(usage="backbone", kernel=kernel))
    taps = 9 if kernel == "2d" else 27
    for weights in made.kernels:
        assert weights.abs().max().item() == pytest.approx(taps**-0.5 / 3, rel=0.01)


@pytest.mark.parametrize(
    ("fields", "parameters"),
    [
        ({}, 27 * 12),
        ({"dilations": (1,)}, 9 * 12),
        ({"branches": "split"}, 9 * 12),
        ({"kernel": "3d", "dilations": (1, 2)}, 2 * 27 * 12),
    ],
)
def test_parameters_by_hand(fields, parameters):
    assert sum(p.numel() for p in adaptor(12, **fields).parameters()) == parameters


@pytest.mark.parametrize("grid", [TokenGrid(2, 2, 3), ClassFreeGrid(2, 2, 3)], ids=["cls", "none"])
def test_tokens_stand_on_the_grid_and_cls_beside_it(grid):
    made, y = adaptor(), random_grid(2, 7, grid.length)
    found = made(y, grid)
    patches = y[:, :, grid.class_tokens :].reshape(2, 7, 2, 2, 3)
    assert not found[:, :, : grid.class_tokens].any()
    torch.testing.assert_close(
        found[:, :, grid.class_tokens :].view_as(patches), plain_surroundings(patches, made)
    )


def test_hidden_tokens_count_as_zero():
    grid = TokenGrid(2, 2, 3)
    mask = torch.zeros(2, grid.length, dtype=torch.bool)
    mask[0, [2, 7]] = mask[1, [4, 12]] = True
    made, y = adaptor(), random_grid(2, 7, grid.length)
    visible = VisibleTokens(grid, mask)
    seen = visible.of(y.transpose(1, 2)).transpose(1, 2)
    expected = made(y.masked_fill(mask[:, None], 0), grid)
    expected = visible.of(expected.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(made(seen, visible), expected)


def test_more_dilations_than_channels_cannot_split():
    with pytest.raises(ValueError, match="2 channels can't be split among 3"):
        adaptor(2, branches="split")
