"""The JSON lists in which the field keeps captions: objects with files and what is said of them."""

import json
from pathlib import Path


class CaptionsError(ValueError):
    """A list that is none; the message is one sentence."""


def read_objects(path: str | Path) -> list[object]:
    """What stands in a list. Raises CaptionsError for a file that is no JSON list."""
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise CaptionsError(f"The list {path.name} cannot be read ({reason}).") from error
    except ValueError as error:
        raise CaptionsError(f"{path.name} is no JSON; name a list of annotations.") from error
    if not isinstance(content, list):
        raise CaptionsError(
            f"{path.name} holds no JSON list; objects with video and caption were expected."
        )
    return content


def names_and_captions(entry: object, medium: str = "video") -> tuple[list[str], list[str]]:
    """File names and captions of an object, each a text or several.

    `medium` is the key of the file names. Raises ValueError with the rest of a sentence on it.
    """
    if not isinstance(entry, dict):
        raise ValueError(f"is no object with {medium} and caption")
    return _several(entry, medium), _several(entry, "caption")


def _several(entry: dict, key: str) -> list[str]:
    value = entry.get(key)
    several = value if isinstance(value, list) else [value]
    if not several or not all(isinstance(part, str) for part in several):
        raise ValueError(f"has no {key}, which has to be a text or several")
    return several
