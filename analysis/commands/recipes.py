"""`recipes`: every training that can be named, and what one of them is made of."""

import argparse

from analysis.commands.output import print_json, print_table
from analysis.commands.train import say


def register(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser("recipes", help="every training recipe that can be named")
    parser.add_argument("recipe", nargs="?", help="show every field of this one")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints a row per recipe, or a row per field of one."""
    from analysis.training.errors import RecipeError
    from analysis.training.recipe_changes import field_names
    from analysis.training.recipes import RECIPES, make_recipe
    from analysis.training.state import recipe_record

    if options.recipe is None:
        rows = [_row(name, make_recipe(name)) for name in RECIPES]
        _print(rows, options.json)
        return 0
    try:
        recipe = make_recipe(options.recipe)
    except RecipeError as error:
        say(str(error))
        return 1
    if options.json:
        print_json(recipe_record(recipe))
        return 0
    _print([{"field": f, "value": repr(_value(recipe, f))} for f in field_names(recipe)], False)
    return 0


def _row(name: str, recipe) -> dict:
    length = f"{recipe.clips} clips" if recipe.clips else f"{recipe.epochs} epochs"
    return {
        "name": name,
        "data": type(recipe.data).__name__,
        "objective": type(recipe.objective).__name__,
        "length": length,
        "starts_from": recipe.model.weights or "",
    }


def _value(part: object, field: str) -> object:
    for name in field.split("."):
        part = getattr(part, name)
    return part


def _print(rows: list[dict], as_json: bool) -> None:
    if as_json:
        print_json(rows)
    else:
        print_table(tuple(rows[0]), [list(row.values()) for row in rows])
