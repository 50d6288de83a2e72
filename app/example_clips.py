"""The clips that come with the app, with where they are from."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

EXAMPLES_FOLDER = Path(__file__).parent / "examples"


@dataclass(frozen=True)
class Example:
    """A clip anyone may use at once. `credit` names author and licence."""

    name: str
    title: str
    file: str
    credit: str

    @property
    def path(self) -> Path:
        return EXAMPLES_FOLDER / self.file

    @property
    def thumbnail(self) -> Path:
        return self.path.with_suffix(".webp")


@lru_cache(maxsize=1)
def list_examples() -> tuple[Example, ...]:
    """The examples in the order they are offered; the first one is open when the page loads."""
    entries = json.loads((EXAMPLES_FOLDER / "examples.json").read_text(encoding="utf-8"))
    return tuple(Example(**entry) for entry in entries)
