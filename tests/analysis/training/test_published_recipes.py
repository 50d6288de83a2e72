"""Every kind of published training takes real steps on real files, each from what came before.

The same chain as published, in small: pictures, larger pictures, a student of a smaller teacher,
video from the image model, more frames and pixels, another data set, values instead of classes.
"""

import json

import pytest
import torch

from analysis.training.recipes import RECIPES, make_recipe
from analysis.weights import WeightsError, list_weights, load_model
from analysis.weights.published import published_cards

IMAGE, VIDEO = "videomamba_image_debug", "videomamba_debug"


@pytest.fixture(scope="module")
def teacher(trained_from_lists):
    """An image model trained on pictures, by name, and its manifest."""
    code, name, entry = trained_from_lists(
        "videomamba_image_tiny.in1k_res224", model__name=IMAGE, model__image_size=16
    )
    assert code == 0
    return name, json.loads(entry.read_text())


@pytest.fixture(scope="module")
def inflated(trained_from_lists, teacher):
    """A video model that began as the image model, by name."""
    code, name, _ = trained_from_lists(
        "videomamba_tiny.ssv2_f8_res224",
        model__name=VIDEO,
        model__num_frames=4,
        model__image_size=16,
        model__weights=teacher[0],
    )
    assert code == 0
    return name


def test_the_published_chain_begins_through_the_command(teacher, inflated):
    name, manifest = teacher
    assert manifest["run"]["recipe"]["objective"]["mixing"]["mixup"] == 0.8
    assert load_model(name).model.config.num_classes == 2
    assert {name, inflated} <= {card.name for card in list_weights()}


@pytest.mark.thorough
def test_the_published_chain_goes_on_with_pictures(trained_from_lists, teacher):
    code, larger, _ = trained_from_lists(
        "videomamba_image_tiny.in1k_res224to448",
        model__name=IMAGE,
        model__image_size=32,
        model__weights=teacher[0],
    )
    assert code == 0
    before, after = load_model(teacher[0]).model, load_model(larger).model
    assert after.pos_embed.shape[1] == 65
    # A few steps at a tiny learning rate: the head was kept, not begun anew.
    torch.testing.assert_close(after.head.weight, before.head.weight, rtol=0, atol=1e-3)

    code, student, _ = trained_from_lists(
        "videomamba_image_middle.in1k_res224",
        model__name=f"{IMAGE}_distill",
        model__image_size=16,
        objective__teacher=teacher[0],
    )
    assert code == 0 and "distill_head.1.weight" in load_model(student).model.state_dict()


@pytest.mark.thorough
def test_the_published_chain_goes_on_with_videos(trained_from_lists, inflated):
    code, grown, _ = trained_from_lists(
        "videomamba_tiny.ssv2_f16_res224to288",
        model__name=VIDEO,
        model__num_frames=8,
        model__image_size=32,
        model__weights=inflated,
    )
    assert code == 0
    assert load_model(grown).model.config.num_frames == 8

    for recipe in (
        "videomamba_tiny.k400_f8_res224",
        "videomamba_tiny.breakfast_f32_res224",
        "videomamba_tiny.coin_f32_res224",
    ):
        code, name, _ = trained_from_lists(
            recipe,
            model__name=VIDEO,
            model__num_frames=4,
            model__image_size=16,
            model__weights=inflated,
        )
        assert code == 0
        assert name in {card.name for card in list_weights()}


def test_masked_pretraining_and_what_is_tuned_from_it(trained_from_lists):
    code, student, entry = trained_from_lists(
        "videomamba_student_middle.k400_mask_pt_f8_res224",
        model__name="videomamba_student_debug",
        model__num_frames=4,
        model__image_size=16,
        objective__teacher="clip_tower_debug",
        objective__ratio=0.5,
    )
    assert code == 0
    manifest = json.loads(entry.read_text())
    assert manifest["reported_accuracy"] is None
    assert "names no classes" in manifest["note"]
    assert 0 < manifest["run"]["evaluation"]["loss"] < 4
    code, tuned, _ = trained_from_lists(
        "videomamba_middle.k400_mask_ft_f8_res224",
        model__name="videomamba_debug",
        model__num_frames=4,
        model__image_size=16,
        model__weights=student,
    )
    assert code == 0 and load_model(tuned).card.training == "toy"
    with pytest.raises(WeightsError, match="cannot be loaded as a classifier"):
        load_model(student)


@pytest.mark.parametrize("data_set", ["lvu", "lvu_values"])
def test_parts_of_scenes_are_learned_as_classes_and_as_values(trained_from_lists, data_set):
    changes = {"data.training.path": "lvu_train.csv", "data.held_out.path": "lvu_test.csv"}
    if data_set == "lvu_values":
        changes |= {"data.training.classes": None, "data.held_out.classes": None}
    code, _, entry = trained_from_lists(
        f"videomamba_tiny.{data_set}_f32_res224",
        model__name="videomamba_debug",
        model__num_frames=4,
        model__image_size=16,
        model__weights=None,
        **changes,
    )
    assert code == 0
    note = json.loads(entry.read_text())["accuracy_note"]
    assert ("mean squared error" in note) == (data_set == "lvu_values")


def test_there_is_a_recipe_for_every_published_classifier():
    published = {c.name for c in published_cards() if c.reported_accuracy is not None}
    assert published <= set(RECIPES)


@pytest.mark.parametrize(
    ("name", "epochs", "rate", "drop_path", "decay", "layer_decay"),
    [
        ("videomamba_tiny.k400_f16_res224", 70, 2e-4, 0.1, 0.1, 0.75),
        ("videomamba_middle.k400_f8_res224", 50, 2e-4, 0.8, 0.05, 0.75),
        ("videomamba_middle.k400_f16_res224", 50, 1e-4, 0.8, 0.05, 0.75),
        ("videomamba_middle.k400_mask_ft_f8_res224", 45, 1e-4, 0.4, 0.05, 0.8),
        ("videomamba_tiny.k400_f64_res224to384", 10, 5e-6, 0.1, 1e-8, 0.75),
        ("videomamba_small.k400_f64_res224to384", 6, 5e-6, 0.35, 1e-8, 0.75),
        ("videomamba_small.ssv2_f16_res224to288", 10, 5e-6, 0.35, 1e-8, 0.75),
        ("videomamba_middle.coin_mask_ft_f32_res224", 30, 2e-4, 0.4, 0.05, 0.75),
        ("videomamba_image_base.in1k_res224", 300, 5e-4, 0.5, 0.05, None),
        ("videomamba_image_small.in1k_res224to448to576", 10, 5e-6, 0.15, 1e-8, None),
    ],
)
def test_published_numbers(name, epochs, rate, drop_path, decay, layer_decay):
    recipe = make_recipe(name)
    optimizer = recipe.optimizer
    assert (recipe.epochs, optimizer.learning_rate) == (epochs, rate)
    assert (recipe.model.drop_path_rate, optimizer.weight_decay) == (drop_path, decay)
    assert optimizer.layer_decay == layer_decay
