"""Changes to a recipe as they are typed: field=value, part.field=value."""

import ast
import dataclasses
import types
import typing
from collections.abc import Sequence

from analysis.nearest_names import nearest
from analysis.training.errors import RecipeError
from analysis.training.recipe import Recipe


def changed(recipe: Recipe, changes: Sequence[str]) -> Recipe:
    """The recipe with `changes`, values written as in Python.

    Raises RecipeError, one sentence, for unknown fields and values that do not fit.
    """
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals:
            raise RecipeError(f"{change!r} changes nothing; write field=value.")
        recipe = _with(recipe, key, key.split("."), text)
    return recipe


def _with(part: object, key: str, path: list[str], text: str) -> object:
    """`part` with the value of `text` at `path`."""
    name, *rest = path
    fields = {field.name for field in dataclasses.fields(part)}
    if name not in fields:
        raise RecipeError(f"There is no field {key}; {nearest(key, field_names(part))}")
    value = getattr(part, name)
    if rest and not dataclasses.is_dataclass(value):
        raise RecipeError(f"There is no field {key}; {name} has no parts.")
    if rest:
        return dataclasses.replace(part, **{name: _with(value, key, rest, text)})
    kind = typing.get_type_hints(type(part))[name]
    left_out = text == "None" and type(None) in typing.get_args(kind)
    if dataclasses.is_dataclass(value) and not left_out:
        raise RecipeError(
            f"{key} has parts; choose from "
            f"{', '.join(f'{key}.{inner}' for inner in field_names(value))}."
        )
    return dataclasses.replace(part, **{name: _value(key, text, kind)})


def field_names(part: object) -> list[str]:
    """Every field that can be changed, those of parts with dots."""
    names = []
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        inner = field_names(value) if dataclasses.is_dataclass(value) else []
        names += [f"{field.name}.{name}" for name in inner] or [field.name]
    return names


def _value(key: str, text: str, kind: type) -> object:
    kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    for each in kinds:
        if each is type(None) and value is None:
            return None
        if each is str and text != "None":
            return text
        if each is float and type(value) in (int, float):
            return float(value)
        if each in (int, bool) and type(value) is each:
            return value
        if typing.get_origin(each) is tuple and _fits(value, typing.get_args(each)):
            return value
    expected = " or ".join(_shown(each) for each in kinds)
    raise RecipeError(f"{key} is {text!r}; it has to be {expected}.")


def _fits(value: object, kinds: tuple[type, ...]) -> bool:
    if not isinstance(value, tuple) or not all(type(part) in (int, float) for part in value):
        return False
    return Ellipsis in kinds or len(value) == len(kinds)


def _shown(kind: type) -> str:
    if kind is type(None):
        return "None"
    if typing.get_origin(kind) is tuple:
        return "a pair such as (0.001,0.2)"
    return kind.__name__
