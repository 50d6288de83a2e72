"""Fields of an architecture as they are typed in a recipe."""

import ast
import re

# Commas inside brackets belong to a value.
_BETWEEN = re.compile(r",(?![^(\[]*[)\]])")


def read_switches(text: str) -> dict[str, object]:
    """Field and value of "name=value,name=value": values as in Python, words without quotes.

    Raises ValueError for a part without a value.
    """
    switches = {}
    for part in filter(None, _BETWEEN.split(text)):
        name, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"{part!r} has no value")
        switches[name.strip()] = _value(value.strip())
    return switches


def _value(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
