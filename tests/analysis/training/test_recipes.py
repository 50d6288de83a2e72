import dataclasses

import pytest

from analysis.ops.scan_order import SCAN_ORDERS
from analysis.training.recipe import Recipe, RecipeError
from analysis.training.recipes import RECIPES, make_recipe
from analysis.training.trainer import start_state


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_can_be_made_and_its_model_built(name):
    recipe = make_recipe(name)
    assert start_state(recipe).model.config.scan_order == recipe.scan_order


def test_the_orders_of_the_study_differ_in_nothing_else():
    recipes = [make_recipe(f"videomamba_mini.order_{order}") for order in SCAN_ORDERS]
    assert [recipe.scan_order for recipe in recipes] == list(SCAN_ORDERS)
    same = {dataclasses.replace(recipe, scan_order=SCAN_ORDERS[0]) for recipe in recipes}
    assert len(same) == 1


def test_changes_are_read_by_the_kind_of_their_field():
    changes = ("seed=3", "learning_rate=1", "scan_order=alternating", "step_sizes=(0.01, 0.1)")
    recipe = make_recipe("videomamba_mini.camera", changes)
    assert (recipe.seed, recipe.learning_rate) == (3, 1.0)
    assert isinstance(recipe.learning_rate, float)
    assert (recipe.scan_order, recipe.step_sizes) == ("alternating", (0.01, 0.1))
    assert make_recipe("videomamba_mini.camera", ["step_sizes=None"]).step_sizes is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("seed", "field=value"),
        ("sead=1", "seed"),
        ("clips=1e3", "int"),
        ("clips=True", "int"),
        ("clips=0", "1 or more"),
        ("learning_rate=fast", "float"),
        ("learning_rate=nan", "float"),
        ("learning_rate=-0.1", "above 0"),
        ("scan_order=zigzag", "spatial_first"),
        ("model=videomamba_mni", "list_models"),
        ("step_sizes=3", "pair"),
        ("step_sizes=(0.2, 0.1)", "rising"),
        ("held_out_share=1.5", "below 1"),
    ],
)
def test_a_change_that_cannot_be_is_one_sentence(change, said):
    with pytest.raises(RecipeError, match=said) as caught:
        make_recipe("videomamba_mini.camera", [change])
    assert "\n" not in str(caught.value)


def test_unknown_recipes_name_the_nearest():
    with pytest.raises(RecipeError, match=r"videomamba_mini\.camera"):
        make_recipe("videomamba_mini.kamera")


def test_a_recipe_made_in_code_is_checked_too():
    with pytest.raises(RecipeError, match="batch_size"):
        Recipe(batch_size=0)
