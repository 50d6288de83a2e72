"""Resizing and inflation against outputs of the published code, and rules worked out by hand."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from analysis.weights.conversion import (
    inflate_kernel,
    resize_pos_embed,
    resize_temporal_table,
    square_grid,
)

GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "posembed.io.safetensors"


@pytest.fixture(scope="module")
def golden():
    return load_file(GOLDEN)


@pytest.mark.parametrize("side", [3, 6, 8])
def test_pos_embed_matches_published_code(golden, side):
    resized = resize_pos_embed(golden["pos_embed.src_4x4"], (4, 4), (side, side))
    expected = golden[f"pos_embed.to_{side}x{side}"]
    torch.testing.assert_close(resized, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("frames", [2, 6, 8])
def test_temporal_table_matches_published_code(golden, frames):
    resized = resize_temporal_table(golden["temporal.src_4"], frames)
    torch.testing.assert_close(resized, golden[f"temporal.to_{frames}"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("case", "taps", "mode"),
    [("center_t3", 3, "center"), ("mean_t3", 3, "mean"), ("center_t1", 1, "center")],
)
def test_inflation_matches_published_code(golden, case, taps, mode):
    inflated = inflate_kernel(golden["inflate.w2d"], taps, mode)
    torch.testing.assert_close(inflated, golden[f"inflate.{case}"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", ["center", "mean"])
@pytest.mark.parametrize("taps", [1, 2, 3, 4])
def test_inflated_stem_sees_a_still_clip_as_the_image(mode, taps):
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(5, 3, 4, 4, generator=generator)
    image = torch.randn(1, 3, 4, 4, generator=generator)
    still = image.unsqueeze(2).expand(-1, -1, taps, -1, -1)
    embedded = torch.nn.functional.conv3d(still, inflate_kernel(weight, taps, mode))
    expected = torch.nn.functional.conv2d(image, weight)
    torch.testing.assert_close(embedded.squeeze(2), expected)


def test_cls_row_is_kept_and_rectangles_keep_their_orientation():
    # A table that only changes along w must still only do so on a wider and higher grid.
    columns = torch.tensor([0.0, 1.0, 2.0, 3.0]).repeat(2, 1)
    table = torch.cat([torch.full((1, 1, 1), 9.0), columns.reshape(1, 8, 1)], dim=1)
    resized = resize_pos_embed(table, (2, 4), (3, 8))
    assert resized.shape == (1, 1 + 3 * 8, 1)
    assert resized[0, 0, 0] == 9.0
    grid = resized[0, 1:, 0].reshape(3, 8)
    torch.testing.assert_close(grid, grid[:1].expand(3, 8))
    assert (grid[0].diff() > 0).all()


def test_half_precision_tables_keep_their_dtype():
    table = torch.randn(1, 17, 4, generator=torch.Generator().manual_seed(0))
    resized = resize_pos_embed(table.half(), (4, 4), (6, 6))
    assert resized.dtype == torch.float16
    torch.testing.assert_close(
        resized.float(), resize_pos_embed(table.half().float(), (4, 4), (6, 6)), rtol=0, atol=2e-3
    )


@pytest.mark.parametrize(
    ("rows", "grid"), [(1 + 196, (14, 14)), (1 + 1, (1, 1)), (1 + 6, None), (1 + 195, None)]
)
def test_square_grid(rows, grid):
    assert square_grid(torch.zeros(1, rows, 2)) == grid


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="3x3 grid has 10 rows, not 17"):
        resize_pos_embed(torch.zeros(1, 17, 2), (3, 3), (4, 4))
    with pytest.raises(ValueError, match="4 axes"):
        inflate_kernel(torch.zeros(2, 3, 1, 4, 4), 2)
    with pytest.raises(ValueError, match="'center' or 'mean'"):
        inflate_kernel(torch.zeros(2, 3, 4, 4), 2, "median")
