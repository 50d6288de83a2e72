"""Tokens that a mask leaves: where they stand, and models that read only them, in every order."""

import pytest
import torch

from analysis.layers.token_grid import TokenGrid
from analysis.layers.visible_tokens import VisibleTokens
from analysis.models import create_model
from analysis.ops.scan_order import SCAN_ORDERS, TOKEN_ORDERS
from analysis.ops.token_mask import MASKS, token_mask

GRID = TokenGrid(3, 4, 5)


@pytest.fixture
def mask():
    return token_mask("random", (3, 4, 5), 0.7, 4, torch.Generator().manual_seed(0))


def test_visible_tokens_keep_their_order(mask):
    numbers = torch.arange(GRID.length).float()[None, :, None]
    found = VisibleTokens(GRID, mask).of(numbers)[..., 0]
    for row, hidden in zip(found, mask, strict=True):
        assert row.tolist() == [i for i in range(GRID.length) if not hidden[i]]


@pytest.mark.parametrize("order", TOKEN_ORDERS)
def test_visible_tokens_are_read_as_the_whole_grid_is(mask, order):
    """Reading what is left is reading everything and skipping what is hidden."""
    visible = VisibleTokens(GRID, mask)
    whole, _ = GRID.sequence(order)
    read, back = visible.sequence(order)
    for clip, hidden in enumerate(mask):
        expected = [i for i in whole.tolist() if not hidden[i]]
        assert visible.index[clip][read[clip]].tolist() == expected
        assert read[clip][back[clip]].tolist() == list(range(len(expected)))
        assert expected[0] == 0  # CLS


@pytest.mark.parametrize("scan_order", SCAN_ORDERS)
def test_without_hidden_tokens_the_answer_is_the_plain_one(scan_order):
    model = create_model("videomamba_debug", scan_order=scan_order).double().eval()
    clip = torch.randn(2, 3, 4, 16, 16, dtype=torch.float64)
    with torch.inference_mode():
        whole = model(clip)
        masked = model(clip, torch.zeros(2, model.token_grid.length, dtype=torch.bool))
    torch.testing.assert_close(masked, whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize("readout", ["cls", "mean"])
@pytest.mark.parametrize("scan_order", SCAN_ORDERS)
def test_masked_answers_equal_a_walk_over_single_tokens(scan_order, readout):
    """Against blocks that are handed short sequences in reading order, one clip at a time."""
    torch.manual_seed(0)
    model = create_model("videomamba_debug", scan_order=scan_order, readout=readout).double().eval()
    grid = model.token_grid
    masks = token_mask("random", (grid.t, grid.h, grid.w), 0.6, 2, torch.Generator().manual_seed(3))
    clip = torch.randn(1, 3, 4, 16, 16, dtype=torch.float64)
    with torch.inference_mode():
        found = model(clip, masks)
        expected = torch.stack([_walk(model, clip, mask) for mask in masks])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


def _walk(model, clip, mask):
    kept = [i for i in range(len(mask)) if not mask[i]]
    x = model.embed(clip)[0, kept]
    residual = torch.zeros_like(x)
    for layer, scan in zip(model.layers, model.layer_scans, strict=True):
        residual = residual + x
        normed, mixer = layer.norm(residual), layer.mixer
        inner, z = mixer.in_proj(normed).chunk(2, dim=-1)
        y = torch.zeros_like(inner)
        for suffix, orders in (("", scan.forward), ("_b", scan.backward)):
            for order in orders:
                read = [kept.index(i) for i in model.token_grid.sequence(order)[0] if i in kept]
                out = mixer.scan_direction(inner[None, read], suffix)[0]
                y[read] += out / len(orders)
        x = mixer.out_proj(y * torch.nn.functional.silu(z))
    tokens = model.norm_f(residual + x)
    return model.head(tokens[0] if model.config.readout == "cls" else tokens[1:].mean(0))


@pytest.mark.parametrize("scan_order", SCAN_ORDERS)
def test_hidden_pixels_change_nothing(scan_order):
    model = create_model("videomamba_debug", scan_order=scan_order).eval()
    clip = torch.randn(1, 3, 4, 16, 16)
    mask = token_mask("frame_row", (4, 4, 4), 0.5, 1, torch.Generator().manual_seed(1))
    hidden = mask[:, 1:].view(1, 1, 4, 4, 4).repeat_interleave(4, 3).repeat_interleave(4, 4)
    other = torch.where(hidden, 5.0, clip)
    with torch.inference_mode():
        assert torch.equal(model(clip, mask), model(other, mask))
        assert not torch.equal(model(clip), model(other))


@pytest.mark.parametrize("scan_order", ["spatial_first", "spatiotemporal_v2"])
def test_gradients_reach_every_parameter(scan_order):
    model = create_model("videomamba_debug", scan_order=scan_order, readout="mean")
    mask = token_mask("tube", (4, 4, 4), 0.5, 2, torch.Generator().manual_seed(1))
    model(torch.randn(2, 3, 4, 16, 16), mask).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


def test_a_student_reads_any_order():
    student = create_model("videomamba_student_debug", scan_order="temporal_first").eval()
    same = create_model("videomamba_student_debug").eval()
    same.load_state_dict(student.state_dict())
    clip = torch.randn(1, 3, 4, 16, 16)
    mask = token_mask("random", (4, 4, 4), 0.5, 1, torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert not torch.equal(student(clip, mask), same(clip, mask))
        same.set_scan_order("temporal_first")
        assert torch.equal(student(clip, mask), same(clip, mask))


@pytest.mark.parametrize("name", [name for name in MASKS if name != "attention"])
def test_an_image_model_takes_masks_of_one_frame(name):
    model = create_model("videomamba_image_debug").eval()
    mask = token_mask(name, (1, 4, 4), 0.5, 3, torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert model(torch.randn(1, 3, 16, 16), mask).shape == (3, 5)
