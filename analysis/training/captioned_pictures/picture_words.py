"""What a picture shows, as a few words, and the sentences that say it."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from analysis.training.moving_objects.composition import COLOURS, SHAPES

SIZES = {"small": (0.12, 0.15), "large": (0.2, 0.26)}
"""Radius of a shape in views."""

LONGEST_CAPTION = 24
"""Length of a sentence's row of token numbers, the end included."""

SPLITS = ("seen", "never_seen")
_ROWS, _COLUMNS = ("top", "middle", "bottom"), ("left", "middle", "right")
_OPENINGS = ("", "a picture of ", "there is ")


@dataclass(frozen=True)
class Thing:
    """One of SHAPES in one of COLOURS, of one of SIZES, in a cell of a 3 x 3 grid."""

    shape: str
    colour: str
    size: str
    row: int
    column: int


@dataclass(frozen=True)
class Kind:
    """Shape and colour: what is held out, and what a prompt asks for."""

    shape: str
    colour: str

    @property
    def prompt(self) -> str:
        """The plainest sentence about it."""
        return _with_article(f"{self.colour} {self.shape}")

    @property
    def never_seen(self) -> bool:
        """Whether no picture with it is trained on: of every shape one colour is not."""
        shape, colour = SHAPES.index(self.shape), list(COLOURS).index(self.colour)
        return colour == (shape + 5) % len(COLOURS)


def kinds(split: str | None = None) -> tuple[Kind, ...]:
    """All kinds, or those of a split. Raises ValueError for another than SPLITS."""
    if split not in (None, *SPLITS):
        raise ValueError(f'Got split "{split}"; use one of {", ".join(SPLITS)}.')
    every = tuple(Kind(*words) for words in product(SHAPES, COLOURS))
    return tuple(k for k in every if split is None or k.never_seen == (split == "never_seen"))


def random_things(split: str, count: int, generator: np.random.Generator) -> tuple[Thing, ...]:
    """`count` things of different kinds in different cells."""
    choices = kinds(split)
    chosen = generator.choice(len(choices), count, replace=False)
    cells = generator.choice(9, count, replace=False)
    sizes = generator.choice(list(SIZES), count)
    return tuple(
        Thing(choices[k].shape, choices[k].colour, str(size), int(cell) // 3, int(cell) % 3)
        for k, cell, size in zip(chosen, cells, sizes, strict=True)
    )


def caption(things: tuple[Thing, ...], generator: np.random.Generator) -> str:
    """A true sentence about one or two things, more or less of what there is to say."""
    named = [_name(thing, generator) for thing in things]
    opening = _OPENINGS[generator.integers(len(_OPENINGS))]
    if len(things) == 1:
        place = f" at the {_place(things[0])}" if generator.random() < 0.6 else ""
        return f"{opening}{named[0]}{place}"
    relation = _relation(*things, generator) if generator.random() < 0.7 else "and"
    return f"{opening}{named[0]} {relation} {named[1]}"


def vocabulary() -> tuple[str, ...]:
    """Every word that a caption may have, in a fixed order."""
    words = {*SHAPES, *COLOURS, *SIZES, *_ROWS, *_COLUMNS, "a", "an", "and", "at", "the"}
    words |= {"of", "above", "below", *" ".join(_OPENINGS).split()}
    return tuple(sorted(words))


def _name(thing: Thing, generator: np.random.Generator) -> str:
    size = f"{thing.size} " if generator.random() < 0.5 else ""
    return _with_article(f"{size}{thing.colour} {thing.shape}")


def _with_article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _place(thing: Thing) -> str:
    if (thing.row, thing.column) == (1, 1):
        return "middle"
    parts = (_ROWS[thing.row] if thing.row != 1 else "", _COLUMNS[thing.column])
    return " ".join(part for part in parts if part and part != "middle")


def _relation(first: Thing, second: Thing, generator: np.random.Generator) -> str:
    """Where the first is seen from the second; one of two where both would be true."""
    relations = []
    if first.row != second.row:
        relations.append("above" if first.row < second.row else "below")
    if first.column != second.column:
        relations.append("left of" if first.column < second.column else "right of")
    return relations[generator.integers(len(relations))]
