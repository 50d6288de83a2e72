"""Windows against torch's own attention: over all tokens with a mask, and padded and masked."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from analysis.layers.windowed_attention import WindowedAttention, window_groups
from analysis.ops.attention import ATTENTION_KERNELS

WIDTH, HEADS = 12, 3
WINDOWS = {
    "even": (2, (2, 4, 4)),
    "ragged": (3, (2, 4, 5)),
    "rectangle": ((1, 2, 3), (2, 4, 5)),
    "spans_frames": ((2, 2, 2), (4, 2, 4)),
    "spans_frames_ragged": ((2, 3, 2), (5, 4, 3)),
    "whole_frame": (None, (3, 2, 3)),
    "larger_than_the_frame": (8, (2, 3, 2)),
    "larger_than_the_clip": ((9, 9, 9), (2, 2, 2)),
    "one_token": (1, (2, 2, 2)),
}


def attention(dtype=torch.float64):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        nn.init.normal_(module.in_proj_bias)
        nn.init.normal_(module.out_proj.bias)
    return module.to(dtype)


def tokens(*shape, dtype=torch.float64):
    return torch.randn(*shape, WIDTH, generator=torch.Generator().manual_seed(1), dtype=dtype)


def unseen(window, grid, with_cls):
    """By the words of the definition, token by token: what in [class tokens, patches] is unseen."""
    t, h, w = grid
    sides = (1, h, w) if window is None else window
    sides = (1, sides, sides) if isinstance(sides, int) else sides
    sequence = [("cls", f) for f in range(t)] if with_cls else []
    sequence += [("patch", *place) for place in product(range(t), range(h), range(w))]

    def sees(query, key):
        if query[0] == key[0] == "patch":
            return all(a // s == b // s for a, b, s in zip(query[1:], key[1:], sides, strict=True))
        return query[1] == key[1]

    return torch.tensor([[not sees(query, key) for key in sequence] for query in sequence])


@pytest.mark.parametrize("kernel", ATTENTION_KERNELS)
@pytest.mark.parametrize("with_cls", [False, True], ids=["patches", "with_cls"])
@pytest.mark.parametrize("case", WINDOWS)
def test_windows_are_attention_over_all_tokens_with_a_mask(case, with_cls, kernel):
    window, grid = WINDOWS[case]
    attn, patches = attention(), tokens(2, *grid)
    cls = tokens(2, grid[0]).roll(1) if with_cls else None
    found, of_cls = WindowedAttention(window, kernel)(attn, patches, cls)
    everything = patches.flatten(1, 3)
    if with_cls:
        everything = torch.cat([cls, everything], dim=1)
    expected, _ = attn(everything, everything, everything, attn_mask=unseen(window, grid, with_cls))
    frames = grid[0] if with_cls else 0
    torch.testing.assert_close(found.flatten(1, 3), expected[:, frames:], rtol=0, atol=1e-12)
    if with_cls:
        torch.testing.assert_close(of_cls, expected[:, :frames], rtol=0, atol=1e-12)
    else:
        assert of_cls is None


def padded_and_masked(attn, patches, window):
    """Frames padded below and on the right, padding masked as keys and dropped as queries."""
    batch, t, h, w, width = patches.shape
    below, right = -h % window, -w % window
    x = F.pad(patches, (0, 0, 0, right, 0, below))
    padding = F.pad(torch.zeros(h, w, dtype=torch.bool), (0, right, 0, below), value=True)

    def windows(x):
        rows, columns = x.shape[-3] // window, x.shape[-2] // window
        x = x.reshape(-1, rows, window, columns, window, x.shape[-1]).transpose(2, 3)
        return x.reshape(-1, window * window, x.shape[-1])

    hidden = windows(padding[None, :, :, None])[..., 0].repeat(batch * t, 1)
    out, _ = attn(*[windows(x)] * 3, key_padding_mask=hidden)
    rows, columns = (h + below) // window, (w + right) // window
    out = out.reshape(batch * t, rows, columns, window, window, width).transpose(2, 3)
    return out.reshape(batch, t, h + below, w + right, width)[:, :, :h, :w]


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1e-6), (torch.float64, 1e-14)])
@pytest.mark.parametrize("sides", [(14, 14), (7, 5), (8, 16)], ids=str)
def test_ragged_windows_are_padded_and_masked_ones(sides, dtype, bound):
    attn, patches = attention(dtype), tokens(1, 2, *sides, dtype=dtype)
    with torch.inference_mode():
        found, _ = WindowedAttention(8)(attn, patches)
        expected = padded_and_masked(attn, patches, 8)
    assert (found - expected).abs().max() < bound


def test_windows_as_large_as_the_frame_are_attention_over_the_frame():
    attn, patches = attention(), tokens(2, 3, 4, 5)
    frames = patches.flatten(0, 1).flatten(1, 2)
    expected, _ = attn(frames, frames, frames)
    for window in (None, 5, 8):
        found, _ = WindowedAttention(window)(attn, patches)
        torch.testing.assert_close(found.flatten(2, 3).flatten(0, 1), expected)


def test_gradients_pass_through_windows():
    attn, patches = attention(), tokens(1, 2, 3, 3).requires_grad_()
    found, _ = WindowedAttention(2)(attn, patches)
    corner = torch.autograd.grad(found[0, 1, 2, 2].sum(), patches)[0]
    assert corner.abs().sum(-1).nonzero().tolist() == [[0, 1, 2, 2]]


@pytest.mark.parametrize(
    ("window", "grid", "areas"),
    [
        (8, (1, 14, 14), [64, 48, 48, 36]),
        (8, (2, 16, 16), [64]),
        ((2, 8, 8), (5, 8, 8), [128, 64]),
        (None, (3, 4, 6), [24]),
    ],
    ids=["b16", "l14", "three_axes", "whole"],
)
def test_areas_of_windows(window, grid, areas):
    groups = window_groups(window, grid)
    assert [a * b * c for a, b, c in (group.sides for group in groups)] == areas
    assert [group.tokens.shape[1] for group in groups] == areas
    every = torch.cat([group.tokens.flatten() for group in groups])
    assert torch.equal(every.sort().values, torch.arange(every.numel()))
    assert every.numel() == grid[0] * grid[1] * grid[2]


def test_windows_end_at_the_grid():
    (group,) = window_groups((4, 8, 2), (2, 3, 2))
    assert group.sides == (2, 3, 2) and group.frames.tolist() == [[0, 1]]
