"""The page's address as a link: the clip, the weights and their setting, the tab, the place in it.

Only what differs from a fresh page is written, so an untouched page keeps a clean address. Token
and time cursor live in the browser, which writes them itself; here they are read and checked.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from analysis.layers.token_grid import TokenGrid
from analysis.nearest_names import nearest
from analysis.ops.scan_order import FIXED_ORDER, SCAN_ORDERS
from analysis.tracing.token_positions import parse_token
from analysis.weights import WeightsCard, weights_card
from app.components.sidebar import (
    frame_choices,
    resolution_choices,
    trained_frames,
    weights_choices,
)
from app.errors import MaskRequestError
from app.example_clips import list_examples
from app.mask_runs import MaskSetting, checked_setting
from app.selection import Selection, trained_order
from app.session import planned

SHOWN_CHARACTERS = 40
"""Of a value that cannot be used; the rest is cut off in the sentence about it."""
UPLOADED = "It leaves out the clip: others cannot reach an upload, so send the file along."


Value = TypeVar("Value")


class LinkError(ValueError):
    """A value in the address that cannot be used; the message is one sentence."""


@dataclass(frozen=True)
class Place:
    """Where in the clip somebody looks: a frame from 0 and, where one is selected, a token.

    The token is its canonical index, time-major and row-major, without CLS.
    """

    frame: int
    token: int | None


@dataclass(frozen=True)
class OpenedLink:
    """What an address asks for, with a sentence for each part of it that cannot be had."""

    selection: Selection
    tab: str | None
    """None where the address names none."""
    place: Place | None
    mask: MaskSetting | None
    """None where the address asks for no mask."""
    complaints: tuple[str, ...]


@dataclass
class _Reader:
    """Takes values out of an address; what cannot be used becomes a complaint and its default."""

    query: Mapping[str, str]
    complaints: list[str] = field(default_factory=list)

    def take(self, name: str, read: Callable[[str], Value], default: Value) -> Value:
        text = self.query.get(name, "").strip()
        try:
            return read(text) if text else default
        except LinkError as error:
            self.complaints.append(str(error))
            return default


def read_link(query: Mapping[str, str], first: Selection, tabs: Sequence[str]) -> OpenedLink:
    """What the parameters of an address ask for.

    `first` is what a fresh page shows, `tabs` are the names there are. A model that is named
    without its setting is read as it was trained. Parameters of other names are left alone.
    """
    reader = _Reader(query)
    card = weights_card(reader.take("weights", _read_weights, first.model))
    selection = Selection(
        clip=reader.take("clip", _read_clip, first.clip),
        model=card.name,
        num_frames=reader.take(
            "frames", lambda text: _read_frames(text, card), trained_frames(card)
        ),
        image_size=reader.take(
            "resolution", lambda text: _read_resolution(text, card), card.image_size
        ),
        scan_order=reader.take("order", lambda text: _read_order(text, card), trained_order(card)),
    )
    tab = reader.take("tab", lambda text: _read_name(text, "tab", tabs), None)
    place = _read_place(reader, selection)
    mask = reader.take("mask", _read_mask, None)
    return OpenedLink(selection, tab, place, mask, tuple(reader.complaints))


def link_parameters(
    selection: Selection, tab: str, first: Selection, first_tab: str
) -> dict[str, str]:
    """The parameters of the link to a selection in a tab; "" where a fresh page has the same.

    An uploaded clip, which nobody else could open, is left out.
    """
    card = weights_card(selection.model)
    values = {
        "clip": (_example_file(selection.clip), _example_file(first.clip)),
        "weights": (selection.model, first.model),
        "frames": (selection.num_frames, trained_frames(card)),
        "resolution": (selection.image_size, card.image_size),
        "order": (selection.scan_order, trained_order(card)),
        "tab": (tab, first_tab),
    }
    return {name: "" if now == fresh else str(now) for name, (now, fresh) in values.items()}


def link_note(selection: Selection) -> str:
    """What the link cannot carry, in one sentence; "" where it carries everything."""
    return "" if _example_file(selection.clip) else UPLOADED


def _example_file(path: str) -> str:
    return next((one.file for one in list_examples() if str(one.path) == path), "")


def _read_clip(text: str) -> str:
    paths = {example.file: str(example.path) for example in list_examples()}
    if text not in paths:
        raise LinkError(
            f"The link names a clip {_quoted(text)} that is not here; it can name "
            f"{_either(paths)}, any other clip has to be uploaded."
        )
    return paths[text]


def _read_weights(text: str) -> str:
    names = [name for _, name in weights_choices()]
    if text not in names:
        advice = nearest(text, names, "the Weights menu lists them all.")
        raise LinkError(f"The link names weights {_quoted(text)} that are not here; {advice}")
    return text


def _read_frames(text: str, card: WeightsCard) -> int:
    counts = [count for _, count in frame_choices(card)]
    if text not in map(str, counts):
        raise LinkError(
            f"The link asks for {_quoted(text)} frames; {card.name} can be given "
            f"{_either(map(str, counts))}."
        )
    return int(text)


def _read_resolution(text: str, card: WeightsCard) -> int:
    sides = [side for _, side in resolution_choices(card)]
    if text not in map(str, sides):
        raise LinkError(
            f"The link asks for a resolution of {_quoted(text)} pixels; {card.name}, which cuts "
            f"frames into whole patches, can be given {_either(map(str, sides))}."
        )
    return int(text)


def _read_mask(text: str) -> MaskSetting:
    """A strategy, and where they are given the share it hides and the seed it is drawn with."""
    fresh = MaskSetting()
    strategy, *numbers = text[:SHOWN_CHARACTERS].split(",")
    try:
        ratio, seed = [*map(float, numbers), *(fresh.ratio, fresh.seed)[len(numbers) :]]
    except ValueError:
        raise LinkError(
            f"The link asks for a mask {_quoted(text)}; write it as {fresh.text}: strategy, share "
            "hidden and seed."
        ) from None
    try:
        return checked_setting(strategy, ratio, seed)
    except MaskRequestError as error:
        why = str(error)[0].lower() + str(error)[1:]
        raise LinkError(f"The link asks for a mask {_quoted(text)}, but {why}") from None


def _read_order(text: str, card: WeightsCard) -> str:
    names = (FIXED_ORDER,) if card.scan_order is None else SCAN_ORDERS
    return _read_name(text, "scan order", names)


def _read_name(text: str, what: str, names: Collection[str]) -> str:
    if text not in names:
        raise LinkError(f"The link names no {what} with {_quoted(text)}; use {_either(names)}.")
    return text


def _read_place(reader: _Reader, selection: Selection) -> Place | None:
    """The token and the time cursor; a token alone puts the cursor on the first of its frames."""
    if not (reader.query.get("token") or reader.query.get("cursor")):
        return None
    grid = planned(selection).config.token_grid
    token = reader.take("token", lambda text: _read_token(text, grid), None)
    tubelet = selection.tubelet(grid)
    of_token = 0 if token is None else token // (grid.h * grid.w) * tubelet
    frame = reader.take("cursor", lambda text: _read_cursor(text, selection.num_frames), of_token)
    return Place(frame, token)


def _read_token(text: str, grid: TokenGrid) -> int:
    try:
        token = parse_token(text[:SHOWN_CHARACTERS], grid) - grid.class_tokens
    except ValueError as error:
        raise LinkError(f"The link selects no token: {error}.") from None
    if token < 0:
        raise LinkError("The link selects CLS, which lies on no frame; name a patch such as 0,3,4.")
    return token


def _read_cursor(text: str, frames: int) -> int:
    if text not in map(str, range(1, frames + 1)):
        raise LinkError(
            f"The link puts the time cursor on frame {_quoted(text)}; "
            f"frames are 1 to {frames} here."
        )
    return int(text) - 1


def _quoted(text: str) -> str:
    printable = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
    if len(printable) > SHOWN_CHARACTERS:
        printable = printable[:SHOWN_CHARACTERS] + "\N{HORIZONTAL ELLIPSIS}"
    return f'"{printable}"'


def _either(names: Collection[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
