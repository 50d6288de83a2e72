"""What is known about each kind of list file: its fields, frame rule, views and class order."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ListFormat:
    """One kind of list.

    layouts: fields of a line, those tried first come first.
    sampling: frame rule, "k400" or "ssv2" (see `analysis.video.sampling`).
    clips, crops: published views of a video in testing.
    label_order: class names by `analysis.video.labels`; None where the list says nothing on them.
    flip: whether mirrored clips keep their label.
    regression: whether the second field is a value instead of a class number.
    images: whether lines name pictures.
    """

    layouts: tuple[tuple[str, ...], ...] = (("path", "label"),)
    sampling: str = "k400"
    clips: int = 4
    crops: int = 3
    label_order: str | None = None
    flip: bool = True
    regression: bool = False
    images: bool = False


_WINDOWS = (("path", "label", "start", "end"), ("path", "label", "duration"))
_VALUE_WINDOWS = (("path", "value", "start", "end"), ("path", "value", "duration"))

# SSV2 tells left from right, hence no flip.
LIST_FORMATS: dict[str, ListFormat] = {
    "k400": ListFormat(label_order="k400"),
    "ssv2": ListFormat(sampling="ssv2", clips=2, label_order="ssv2", flip=False),
    "breakfast": ListFormat(label_order="breakfast"),
    "coin": ListFormat(clips=10, label_order="coin"),
    "lvu": ListFormat(layouts=_WINDOWS),
    "lvu_values": ListFormat(layouts=_VALUE_WINDOWS, regression=True),
    "images": ListFormat(clips=1, crops=1, label_order="imagenet1k", images=True),
}
