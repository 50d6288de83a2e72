import dataclasses
from dataclasses import replace

import pytest

from analysis.ops.scan_order import SCAN_ORDERS
from analysis.training.errors import RecipeError, TrainingError
from analysis.training.recipes import RECIPES, make_recipe
from analysis.training.state import recipe_record, start_state


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_can_be_made_and_written_down(name):
    record = recipe_record(make_recipe(name))
    assert {"data", "model", "objective", "optimizer", "seed"} <= set(record)


def test_the_orders_of_the_study_differ_in_nothing_else():
    recipes = [make_recipe(f"videomamba_mini.order_{order}") for order in SCAN_ORDERS]
    assert [recipe.model.scan_order for recipe in recipes] == list(SCAN_ORDERS)
    first = SCAN_ORDERS[0]
    same = {replace(r, model=replace(r.model, scan_order=first)) for r in recipes}
    assert len(same) == 1


def test_changes_are_read_by_the_kind_of_their_field():
    changes = (
        "seed=3",
        "optimizer.learning_rate=1",
        "model.scan_order=alternating",
        "model.step_sizes=(0.01, 0.1)",
        "model.weights=videomamba_mini.camera",
        "execution.checkpoint_layers=True",
        "data.easy_share=0",
    )
    recipe = make_recipe("videomamba_mini.camera", changes)
    assert (recipe.seed, recipe.optimizer.learning_rate) == (3, 1.0)
    assert isinstance(recipe.optimizer.learning_rate, float)
    model = recipe.model
    assert (model.scan_order, model.step_sizes) == ("alternating", (0.01, 0.1))
    assert (model.weights, recipe.data.easy_share) == ("videomamba_mini.camera", 0.0)
    assert recipe.execution.checkpoint_layers is True
    assert make_recipe("videomamba_mini.camera", ["model.step_sizes=None"]).model.step_sizes is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("seed", "field=value"),
        ("sead=1", "seed"),
        ("learning_rate=1", r"optimizer\.learning_rate"),
        ("optimizer=1", r"optimizer\.weight_decay"),
        ("seed.more=1", "no parts"),
        ("clips=1e3", "int"),
        ("clips=True", "int"),
        ("clips=0", "1 or more"),
        ("optimizer.learning_rate=fast", "float"),
        ("optimizer.learning_rate=nan", "float"),
        ("optimizer.learning_rate=-0.1", "above 0"),
        ("optimizer.mean_decay=1.0", "below 1"),
        ("optimizer.layer_decay=0", "at most 1"),
        ("objective.label_smoothing=1.5", "below 1"),
        ("execution.precision=half", "bfloat16"),
        ("execution.checkpoint_layers=yes", "bool"),
        ("model.scan_order=zigzag", "spatial_first"),
        ("model.name=videomamba_mni", "list_models"),
        ("model.step_sizes=3", "pair"),
        ("model.step_sizes=(0.2, 0.1)", "rising"),
        ("data.held_out_share=1.5", "below 1"),
    ],
)
def test_a_change_that_cannot_be_is_one_sentence(change, said):
    with pytest.raises(RecipeError, match=said) as caught:
        make_recipe("videomamba_mini.camera", [change])
    assert "\n" not in str(caught.value)


def test_unknown_recipes_name_the_nearest():
    with pytest.raises(RecipeError, match=r"videomamba_mini\.camera"):
        make_recipe("videomamba_mini.kamera")


def test_recipes_cannot_be_changed_in_place():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_recipe("videomamba_mini.camera").seed = 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("objective.layers=0", "1 or more"),
        ("objective.last_layer=other", "published or normed"),
        ("objective.mask=stripes", "clip_row"),
        ("objective.ratio=1", "below 1"),
    ],
)
def test_masked_alignment_takes_changes_too(change, said):
    name = "videomamba_student_middle.k400_mask_pt_f8_res224"
    assert make_recipe(name, ["objective.layers=6"]).objective.layers == 6
    with pytest.raises(RecipeError, match=said):
        make_recipe(name, [change])


def test_a_model_that_cannot_learn_the_objective_is_one_sentence(tiny):
    recipe = make_recipe(
        "videomamba_student_middle.k400_mask_pt_f8_res224",
        ["model.name=videomamba_debug", "model.num_frames=4"],
    )
    with pytest.raises(TrainingError, match="videomamba_debug cannot be made for this objective"):
        start_state(recipe, ())
