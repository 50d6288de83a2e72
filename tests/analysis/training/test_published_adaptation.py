"""Recipes of the published sizes of MoMa and Mamba-Adaptor take real steps on real files, small."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from analysis.models import create_model, list_models, model_config
from analysis.training.recipes import RECIPES, make_recipe
from analysis.training.source import Places, RunShape
from analysis.video.preprocess import CLIP_MEAN, CLIP_STD, IMAGENET_MEAN, IMAGENET_STD
from analysis.weights import load_model


@pytest.fixture(autouse=True, scope="module")
def small_tensors(one_thread):
    """Nothing here is large enough for a second thread."""


@pytest.fixture(scope="module")
def clip_file(tmp_path_factory):
    """A whole random CLIP with the published words, for the tower of moma_debug."""
    pytest.importorskip("instant_clip_tokenizer", reason="there for Python 3.11 and 3.12")
    words = {"vocabulary_size": 49_408, "context_length": 77, "text_width": 8, "text_layers": 1}
    tower = model_config("moma_debug").tower
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = create_model("clip_mini", tower=tower, text_heads=1, **words)
    path = tmp_path_factory.mktemp("clip") / "clip.safetensors"
    save_file(model.state_dict(), path)
    return path


def test_a_moma_over_a_clip_file(trained_from_lists, clip_file):
    code, name, entry = trained_from_lists(
        "moma_b16.k400_f8_res224",
        model__name="moma_debug",
        model__num_frames=4,
        model__drop_path_rate=None,
        model__weights=clip_file,
    )
    assert code == 0
    loaded = load_model(name)
    # It is fed as it was in training, and as CLIP was before.
    assert (loaded.preprocessing.mean, loaded.preprocessing.std) == (CLIP_MEAN, CLIP_STD)
    assert loaded.model.config.head == "text" and len(loaded.labels) == 2
    stored, kept = load_file(clip_file), loaded.model.state_dict()
    assert torch.equal(kept["tower.proj"], stored["visual.proj"])
    fresh = create_model("moma_debug", num_classes=2).state_dict()
    moved = [key for key in kept if key.startswith("modulators.") and "out_proj" in key]
    assert moved and all((kept[key] - fresh[key]).abs().max() > 0 for key in moved)
    assert json.loads(entry.read_text())["run"]["recipe"]["data"]["colours"] == "clip"


def test_a_moma_without_a_clip_is_refused(trained_from_lists, capsys):
    code, _, _ = trained_from_lists(
        "moma_l14.ssv2_f8_res224",
        model__name="moma_debug",
        model__drop_path_rate=None,
    )
    assert code == 1
    assert "set model.weights" in capsys.readouterr().err


def test_colours_of_clip_in_training_and_in_tests(list_root):
    """The same pixels, moved and stretched."""
    run = RunShape(batch_size=2, num_frames=4, image_size=32, steps=1, seed=0)

    def batches(colours):
        changes = [f"data.colours={colours}", "data.training.classes=2", "data.held_out.classes=2"]
        data = make_recipe("moma_b16.k400_f8_res224", changes).data
        material = data.load(Places(list_root, root=list_root), lambda sentence: None)
        (held_out,) = material.held_out(run, 2)
        return material.training(run).batch(0).clips, held_out.clips

    def column(numbers):
        return torch.tensor(numbers).view(3, 1, 1, 1)

    for plain, own in zip(batches("imagenet"), batches("clip"), strict=True):
        pixels = plain * column(IMAGENET_STD) + column(IMAGENET_MEAN)
        torch.testing.assert_close(own, (pixels - column(CLIP_MEAN)) / column(CLIP_STD))


@pytest.mark.parametrize(
    ("recipe", "kept_head"),
    [
        ("videomamba_adaptor_tiny.ssv2_f8_res224", True),
        ("videomamba_adaptor_tiny.ssv2_frozen_f8_res224", False),
    ],
)
def test_adaptors_on_a_host(trained_from_lists, tmp_path, recipe, kept_head):
    """Trained on at a hundredth of the rate, or frozen but for its head."""
    sizes = {"num_frames": 4, "image_size": 16, "num_classes": 2}
    host = create_model("videomamba_debug", **sizes).state_dict()
    save_file(host, tmp_path / "host.safetensors")
    code, name, _ = trained_from_lists(
        recipe,
        model__name="videomamba_adaptor_debug",
        model__num_frames=4,
        model__image_size=16,
        model__weights=tmp_path / "host.safetensors",
        model__drop_path_rate=None,
    )
    assert code == 0
    after = load_model(name).model.state_dict()
    moved = {key: float((after[key] - value).abs().max()) for key, value in host.items()}
    if kept_head:
        assert 0 < moved["head.weight"] < 1e-2 and 0 < moved["patch_embed.proj.weight"] < 1e-4
    else:
        assert moved.pop("head.weight") > 1e-2 and moved.pop("head.bias") >= 0
        assert not any(moved.values())


def test_a_backbone_from_pictures(trained_from_lists):
    code, name, entry = trained_from_lists(
        "mamba_adaptor_b1.in1k_res224",
        model__name="mamba_adaptor_debug",
        model__image_size=32,
        model__drop_path_rate=None,
    )
    assert code == 0 and load_model(name).model.config.usage == "backbone"
    assert json.loads(entry.read_text())["num_frames"] is None


@pytest.mark.parametrize(
    ("name", "epochs", "batch", "rate", "weight_decay", "warmup_epochs"),
    [
        ("moma_b16.k400_f16_res224", 30, 64, 3e-4, 0.05, 5),
        ("moma_l14.ssv2_f32_res224", 30, 64, 3e-4, 0.05, 5),
        ("mamba_adaptor_b2.in1k_res224", 300, 1024, 1e-3, 0.05, 15),
        ("videomamba_adaptor_middle.k400_f8_res224", 30, 64, 1e-3, 0.05, 5),
    ],
)
def test_numbers_of_the_specifications(name, epochs, batch, rate, weight_decay, warmup_epochs):
    recipe = make_recipe(name)
    optimizer = recipe.optimizer
    assert (recipe.epochs, recipe.batch_size) == (epochs, batch)
    assert optimizer.learning_rate_at(10**6, 3 * 10**6, batch) < rate
    peak = max(optimizer.learning_rate_at(s, 1000, batch) for s in range(1000))
    assert peak == pytest.approx(rate) and optimizer.weight_decay == weight_decay
    assert optimizer.warmup_share * epochs == pytest.approx(warmup_epochs)
    if name.startswith("videomamba_adaptor"):  # section 6: host 1e-5, adaptors 1e-3
        assert rate * optimizer.trained_before_rate == pytest.approx(1e-5)


def test_there_are_recipes_of_all_published_sizes():
    sizes = [n for n in list_models() if n.startswith(("moma_", "mamba_adaptor_"))]
    sizes = [n for n in sizes if not n.endswith(("_debug", "_mini", "_wide"))]
    assert sizes == [n for n in sizes if any(r.startswith(f"{n}.") for r in RECIPES)]
