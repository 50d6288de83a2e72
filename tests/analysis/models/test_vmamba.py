"""VMamba: published names, shapes and sizes, and a pass written out."""

import pytest
import torch
import torch.nn.functional as F

from analysis.models import create_model, list_models
from analysis.models.vmamba import VMambaConfig


@pytest.fixture(autouse=True, scope="module")
def small_tensors(one_thread):
    """All tests here run in one thread."""


def images(batch=2, height=64, width=64):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, 3, height, width, generator=generator)


def published_shapes():
    """Entries of a published v05_noz checkpoint of depths 2, 2, 8, 2 with E = D and N = 1.

    By the names and shapes of section 5 of the Mamba-Adaptor specification and VMamba's code.
    """
    shapes = {}

    def layer_norm(name, width):
        shapes[f"{name}.weight"] = shapes[f"{name}.bias"] = (width,)

    def dense(name, *weight):
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = weight, weight[:1]

    dense("patch_embed.0", 48, 3, 3, 3)
    layer_norm("patch_embed.2", 48)
    dense("patch_embed.5", 96, 48, 3, 3)
    layer_norm("patch_embed.7", 96)
    for stage, (D, depth) in enumerate(zip((96, 192, 384, 768), (2, 2, 8, 2), strict=True)):
        R = -(-D // 16)
        for i in range(depth):
            block = f"layers.{stage}.blocks.{i}"
            layer_norm(f"{block}.norm", D)
            op = {
                "x_proj_weight": (4, R + 2, D),
                "dt_projs_weight": (4, D, R),
                "dt_projs_bias": (4, D),
                "A_logs": (4 * D, 1),
                "Ds": (4 * D,),
                "in_proj.weight": (D, D),
                "conv2d.weight": (D, 1, 3, 3),
                "out_proj.weight": (D, D),
            }
            shapes.update({f"{block}.op.{name}": shape for name, shape in op.items()})
            layer_norm(f"{block}.op.out_norm", D)
            layer_norm(f"{block}.norm2", D)
            dense(f"{block}.mlp.fc1", 4 * D, D)
            dense(f"{block}.mlp.fc2", D, 4 * D)
        if stage < 3:
            dense(f"layers.{stage}.downsample.1", 2 * D, D, 3, 3)
            layer_norm(f"layers.{stage}.downsample.3", 2 * D)
    layer_norm("classifier.norm", 768)
    dense("classifier.head", 1000, 768)
    return shapes


def test_state_dict_has_the_published_names_and_shapes():
    with torch.device("meta"):
        model = create_model("vmamba_tiny")
    assert {name: tuple(x.shape) for name, x in model.state_dict().items()} == published_shapes()


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("vmamba_b1", 7_808_680),
        ("vmamba_tiny", 30_249_064),
        ("vmamba_tiny_wide", 30_705_832),
    ],
)
def test_parameters_at_a_thousand_classes(name, parameters):
    with torch.device("meta"):
        assert sum(p.numel() for p in create_model(name).parameters()) == parameters


def test_stages_halve_the_resolution():
    with torch.device("meta"), torch.inference_mode():
        stages = list(create_model("vmamba_tiny").stages(torch.empty(1, 3, 224, 224)))
    sides = [224 // 2 ** (k + 1) for k in range(1, 5)]
    widths = (96, 192, 384, 768)
    assert [tuple(x.shape) for x in stages] == [
        (1, side, side, width) for side, width in zip(sides, widths, strict=True)
    ]


def test_a_pass_written_out():
    """Stem, blocks with two residual branches, downsampling, norm, mean, head."""
    model, x = create_model("vmamba_debug").double().eval(), images().double()

    def norm_channels(module, y):
        return F.layer_norm(
            y.permute(0, 2, 3, 1), y.shape[1:2], module.weight, module.bias
        ).permute(0, 3, 1, 2)

    def halve(module, y):
        return F.conv2d(y, module.weight, module.bias, stride=2, padding=1)

    with torch.inference_mode():
        found = model(x)
        stem = dict(model.patch_embed.named_children())
        x = F.gelu(norm_channels(stem["2"], halve(stem["0"], x)))
        x = norm_channels(stem["7"], halve(stem["5"], x))
        for stage in model.layers:
            for block in stage.blocks:
                y = x.permute(0, 2, 3, 1)
                y = y + block.op(block.norm(y))
                hidden = F.gelu(block.mlp.fc1(block.norm2(y)))
                x = (y + block.mlp.fc2(hidden)).permute(0, 3, 1, 2)
            if hasattr(stage, "downsample"):
                parts = dict(stage.downsample.named_children())
                x = norm_channels(parts["3"], halve(parts["1"], x))
        pooled = norm_channels(model.classifier.norm, x).mean((2, 3))
        torch.testing.assert_close(found, model.classifier.head(pooled))


def test_float32_equals_float64_and_clips_are_independent():
    model, x = create_model("vmamba_debug").eval(), images()
    with torch.inference_mode():
        found = model(x)
        apart = torch.cat([model(x[:1]), model(x[1:])])
        torch.testing.assert_close(found, apart, rtol=1e-4, atol=1e-6)
        exact = model.double()(x.double())
    torch.testing.assert_close(found.double(), exact, rtol=0, atol=1e-4)


@pytest.mark.parametrize("size", [(64, 96), (33, 20), (7, 4)], ids=str)
def test_any_image_size_is_taken(size):
    with torch.inference_mode():
        assert create_model("vmamba_debug").eval()(images(1, *size)).shape == (1, 10)


def test_start_of_training():
    model = create_model("vmamba_debug", state_size=3)
    layer = model.layers[2].blocks[1].op
    torch.testing.assert_close(layer.A_logs.exp(), torch.tensor([1.0, 2, 3]).expand(4 * 32, 3))
    steps = F.softplus(layer.dt_projs_bias)
    assert 1e-3 <= steps.min() < 3e-3
    assert 3e-2 < steps.max() <= 0.1
    assert torch.equal(layer.Ds, torch.ones(4 * 32))


def test_drop_path_acts_in_training_only():
    model, x = create_model("vmamba_debug", drop_path_rate=0.9), images()
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        model.eval()
        assert torch.equal(model(x), model(x))
        model.train()
        assert not torch.equal(model(x), model(x))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"depths": (1, 2)}, "4 and 2 of them"),
        ({"num_frames": 8}, "leave num_frames out"),
    ],
)
def test_impossible_configurations_say_what_would_do(fields, message):
    with pytest.raises(ValueError, match=message):
        create_model("vmamba_debug", **fields)


def test_registry_knows_the_family():
    assert set(list_models("vmamba")) == {
        "vmamba_b1",
        "vmamba_tiny",
        "vmamba_tiny_wide",
        "vmamba_debug",
    }
    assert VMambaConfig(image_size=(64, 90)).token_grid.length == 16 * 23
