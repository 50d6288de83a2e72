"""Which recipe a saved run belongs to."""

from dataclasses import replace

import pytest

from analysis.training.recipes import make_recipe
from analysis.training.state import is_record_of, recipe_record


@pytest.mark.parametrize(
    "name",
    ["videomamba_mini.camera", "videomamba_tiny.k400_f8_res224", "videomamba_tiny.lvu_f32_res224"],
)
def test_a_record_belongs_to_its_recipe_and_to_no_other(name):
    recipe = make_recipe(name)
    record = recipe_record(recipe)
    assert is_record_of(record, recipe)
    assert not is_record_of(record, replace(recipe, seed=1))
    other = replace(recipe, optimizer=replace(recipe.optimizer, learning_rate=0.1))
    assert not is_record_of(record, other)
    assert not is_record_of(record, replace(recipe, objective=recipe.optimizer))


def test_a_field_that_is_new_counts_as_its_default():
    recipe = make_recipe("videomamba_mini.camera")
    record = recipe_record(recipe)
    del record["model"]["keep_head"], record["execution"]
    assert is_record_of(record, recipe)
    assert not is_record_of(record, replace(recipe, model=replace(recipe.model, keep_head=True)))


def test_a_field_that_is_gone_makes_another_recipe():
    recipe = make_recipe("videomamba_mini.camera")
    assert not is_record_of(recipe_record(recipe) | {"momentum": 0.9}, recipe)


def test_values_in_a_row_are_compared_one_by_one(tiny):
    record = recipe_record(tiny)
    other = replace(tiny, model=replace(tiny.model, step_sizes=(0.001, 0.1)))
    none = replace(tiny, model=replace(tiny.model, step_sizes=None))
    assert is_record_of(record, tiny)
    assert not is_record_of(record, other) and not is_record_of(record, none)
