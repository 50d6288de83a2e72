"""Recipes by the name of the weights they make, and changes to them as they are typed."""

import ast
import dataclasses
import difflib
import typing
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from analysis.ops.scan_order import SCAN_ORDERS
from analysis.training.recipe import Recipe, RecipeError


def camera_recipe() -> Recipe:
    """Of the shipped checkpoint, videomamba_mini.camera."""
    return Recipe()


def order_recipe(scan_order: str) -> Recipe:
    """Of the scan-order study: a shorter camera recipe, the same for every order but the order."""
    return replace(camera_recipe(), scan_order=scan_order, clips=25_600)


RECIPES: dict[str, Callable[[], Recipe]] = {
    "videomamba_mini.camera": camera_recipe,
    **{f"videomamba_mini.order_{order}": partial(order_recipe, order) for order in SCAN_ORDERS},
}


def make_recipe(name: str, changes: Sequence[str] = ()) -> Recipe:
    """The recipe called `name` with `changes`, each "field=value", values as in Python.

    Raises RecipeError, one sentence, for unknown names and fields and for values that do not fit.
    """
    if name not in RECIPES:
        raise RecipeError(f"There is no recipe {name!r}; {_nearest(name, RECIPES)}.")
    return replace(RECIPES[name](), **dict(map(_change, changes)))


def _change(text: str) -> tuple[str, object]:
    key, equals, value = text.partition("=")
    kinds = typing.get_type_hints(Recipe)
    if not equals or key not in kinds:
        fields = [field.name for field in dataclasses.fields(Recipe)]
        raise RecipeError(f"{text!r} changes nothing; write field=value, {_nearest(key, fields)}.")
    return key, _value(key, value, kinds[key])


def _value(key: str, text: str, kind: type) -> object:
    if kind is str:
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is kind:
        return value
    # The one field that is neither a number nor a name: a pair of floats or None.
    if kind not in (int, float) and (value is None or _is_pair(value)):
        return value
    expected = kind.__name__ if kind in (int, float) else "None or a pair such as (0.001,0.2)"
    raise RecipeError(f"{key} is {text!r}; it has to be {expected}.")


def _is_pair(value: object) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and all(type(part) in (int, float) for part in value)
    )


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.4) or list(known)
    return f"choose from {', '.join(near)}"
