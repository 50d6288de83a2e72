"""Vim: published names, and a pass written out with CLS in the middle of the sequence."""

import pytest
import torch
import torch.nn.functional as F

from analysis.layers.token_grid import MiddleClassGrid, TokenGrid
from analysis.models import create_model


@pytest.fixture(autouse=True, scope="module")
def small_tensors(one_thread):
    """All tests here run in one thread."""


def images(batch=2, height=16, width=16):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, 3, height, width, generator=generator)


def disturbed(model):
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


@pytest.mark.parametrize(
    ("name", "width"), [("vim_tiny", 192), ("vim_small", 384), ("vim_base", 768)]
)
def test_state_dict_is_that_of_an_image_videomamba(name, width):
    """VideoMamba took names and shapes from Vim, and its own equal the published manifest."""
    with torch.device("meta"):
        model = create_model(name)
        other = create_model("videomamba_image_tiny", width=width)
    shapes = {key: value.shape for key, value in model.state_dict().items()}
    assert shapes == {key: value.shape for key, value in other.state_dict().items()}


@pytest.mark.parametrize("size", [(16, 16), (12, 20)], ids=str)
def test_a_pass_written_out(size):
    """The published order: CLS goes between the halves, then the table is added, row by row."""
    model = disturbed(create_model("vim_debug", image_size=size)).double()
    x = images(2, *size).double()
    with torch.inference_mode():
        found = model(x)
        patches = model.patch_embed.proj(x).flatten(2).transpose(1, 2)
        half = patches.shape[1] // 2
        cls = model.cls_token.expand(2, -1, -1)
        hidden = torch.cat([patches[:, :half], cls, patches[:, half:]], dim=1) + model.pos_embed
        residual = torch.zeros_like(hidden)
        for block in model.layers:
            residual = residual + hidden
            mixer, normed = block.mixer, block.norm(residual)
            inner, z = mixer.in_proj(normed).chunk(2, dim=-1)
            parts = [mixer.scan_direction(inner, suffix) * F.silu(z) for suffix in ("", "_b")]
            hidden = mixer.out_proj(sum(parts) / 2)
        final = model.norm_f(residual + hidden)
        torch.testing.assert_close(found, model.head(final[:, half]))
        features = model.forward_features(x)
        torch.testing.assert_close(features[:, 0], final[:, half])
        torch.testing.assert_close(features[:, 1 : half + 1], final[:, :half])


@pytest.mark.parametrize("grid", [(1, 4, 4), (1, 3, 5)], ids=str)
def test_cls_is_read_in_the_middle(grid):
    middle, first = MiddleClassGrid(*grid), TokenGrid(*grid)
    read, back = middle.sequence("spatial_first")
    half = middle.patches // 2
    assert read.tolist() == [*range(1, half + 1), 0, *range(half + 1, middle.length)]
    assert read[back].tolist() == list(range(middle.length))
    assert first.reads_in_place("spatial_first")
    assert not middle.reads_in_place("spatial_first")


def test_float32_equals_float64_and_images_are_independent():
    model, x = disturbed(create_model("vim_debug")), images()
    with torch.inference_mode():
        found = model(x)
        apart = torch.cat([model(x[:1]), model(x[1:])])
        torch.testing.assert_close(found, apart, rtol=1e-4, atol=1e-6)
        exact = model.double()(x.double())
    torch.testing.assert_close(found.double(), exact, rtol=0, atol=1e-4)


def test_gradients_reach_every_parameter():
    """Also the last layer's, since CLS has patches before and behind it."""
    model = disturbed(create_model("vim_debug"))
    model(images()).square().sum().backward()
    assert all(p.grad.abs().max() > 0 for p in model.parameters())


def test_clips_are_refused_in_one_sentence():
    with pytest.raises(ValueError, match="Vim takes single images"):
        create_model("vim_debug", num_frames=8)
