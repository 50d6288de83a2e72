"""What every attribution method is given, what it gives back, and how it describes itself."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor, nn

from analysis.models.videomamba import VideoMamba, VideoMambaConfig
from analysis.nearest_names import nearest
from analysis.tracing.opened_models import TracingError, check_opened, check_scans_alone

FAMILIES = ("gradient", "perturbation", "hidden state", "relevance")


class AttributionError(ValueError):
    """Something can't be explained as asked; its text is one sentence for the reader."""


@dataclass(frozen=True, eq=False)
class Question:
    """One class of one clip, asked of a model in eval mode.

    clip: (1, 3, T, H, W) on the model's device and in its dtype, without gradients.
    target: index of the class whose logit is explained.
    progress: called with the share of the work done, 0..1.
    """

    model: nn.Module
    clip: Tensor
    target: int
    generator: torch.Generator
    progress: Callable[[float], None]

    def logits(self, clip: Tensor) -> Tensor:
        """Logits (B, num_classes) of clips (B, 3, T, H, W)."""
        return self.model(model_input(self.model, clip))

    def counting_logits(self, total: int) -> Callable[[Tensor], Tensor]:
        """`logits`, reporting progress after each call as clips seen out of `total`."""
        seen = 0

        def logits(clip: Tensor) -> Tensor:
            nonlocal seen
            answer = self.logits(clip)
            seen += len(clip)
            self.progress(min(1.0, seen / total))
            return answer

        return logits

    @cached_property
    def tubelet(self) -> tuple[int, int, int]:
        """Frames, rows and columns of pixels in one token.

        Raises AttributionError where a model that takes any size was given one that does not come
        out even.
        """
        grid, sides = self.model.token_grid, tuple(self.clip.shape[2:])
        tokens = grid.t, grid.h, grid.w
        if any(side % count for side, count in zip(sides, tokens, strict=True)):
            raise AttributionError(
                f"A clip of {_times(sides)} (frames, rows, columns) can't be shared evenly among "
                f"the model's {_times(tokens)} tokens; choose another size."
            )
        return tuple(side // count for side, count in zip(sides, tokens, strict=True))

    def on_token_grid(self, pixels: Tensor) -> Tensor:
        """Sums of `pixels` (T, H, W) over the tubelet of each token: (t, h, w)."""
        grid, (frames, rows, columns) = self.model.token_grid, self.tubelet
        cut = pixels.reshape(grid.t, frames, grid.h, rows, grid.w, columns)
        return cut.sum(dim=(1, 3, 5))

    def from_pixels(self, relevance: Tensor, signed: bool, **rest: Any) -> "Answer":
        """The answer of a method that is shaped like the clip: `relevance` (1, 3, T, H, W).

        Colours are summed into pixels and pixels into tokens: with their signs if `signed`, else
        their magnitudes.
        """
        pixels = (relevance if signed else relevance.abs())[0].sum(0)
        return Answer(self.on_token_grid(pixels), signed, pixels=pixels, **rest)


@dataclass(frozen=True, eq=False)
class Answer:
    """What a method found, before it is put into words: fields as in `Attribution`.

    values: (t, h, w). settings: what the method decided by itself, beyond what it was asked.
    """

    values: Tensor
    signed: bool
    pixels: Tensor | None = None
    cls_value: float | None = None
    completeness_error: float | None = None
    bias_share: float | None = None
    omits: tuple[str, ...] | None = None
    settings: Mapping[str, object] = field(default_factory=dict)


def any_classifier(config: Any, title: str) -> None:
    """The check of methods that ask a model from outside: they explain every classifier."""


def inside_videomamba(config: Any, title: str, *, adaptors: bool = False) -> None:
    """The check of methods that read the scans of VideoMamba and Vim.

    adaptors: whether the method counts in what they add to scans. Raises AttributionError, one
    sentence that begins with the `title`, for other models.
    """
    try:
        (check_opened if adaptors else check_scans_alone)(config, title)
    except TracingError as error:
        raise AttributionError(str(error)) from error
    if not isinstance(config, VideoMambaConfig):
        raise AttributionError(f"{title} reads the inside of VideoMamba and Vim alone.")


inside_adapted_videomamba = partial(inside_videomamba, adaptors=True)
"""The same of methods that count adaptors in."""


@dataclass(frozen=True, eq=False)
class Method:
    """An attribution method and how a page speaks of it.

    family: one of `FAMILIES`. description: one sentence. source: where it was published.
    function: called with a Question and every setting of `defaults` as a keyword.
    omits: what the method leaves out, unless the answer says otherwise.
    choices: for settings that are words, the words.
    check: raises AttributionError, a sentence that begins with the title it is given, for a
        configuration whose models the method cannot explain.
    """

    name: str
    title: str
    family: str
    description: str
    source: str
    function: Callable[..., Answer]
    defaults: Mapping[str, object] = field(default_factory=dict)
    omits: tuple[str, ...] = ()
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    check: Callable[[Any, str], None] = any_classifier

    def complete(self, settings: Mapping[str, object]) -> dict[str, object]:
        """`settings` with the defaults for what they leave out.

        Raises AttributionError for a setting or a word that the method does not know.
        """
        for name, value in settings.items():
            if name not in self.defaults:
                hint = nearest(name, self.defaults)
                raise AttributionError(f"{self.title} has no setting {name!r}; {hint}")
            words = self.choices.get(name)
            if words and isinstance(value, str) and value not in words:
                hint = nearest(value, words)
                raise AttributionError(f"{self.title} knows no {name} {value!r}; {hint}")
        return {**self.defaults, **settings}

    def refusal(self, config: Any, title: str) -> str:
        """Why the method, called by a title, cannot explain such models; "" where it can."""
        try:
            self.check(config, title)
        except AttributionError as error:
            return str(error)
        return ""


def is_image_model(model: nn.Module) -> bool:
    """Whether a model reads single images (B, 3, H, W) instead of clips."""
    return model.config.num_frames is None


def model_input(model: nn.Module, clips: Tensor) -> Tensor:
    """Clips (B, 3, T, H, W) as the model takes them: an image model reads the one frame."""
    return clips[:, :, 0] if is_image_model(model) else clips


def one_clip(model: nn.Module, clip: Tensor) -> Tensor:
    """A copy of one clip as (3, T, H, W), on the model's device and in its dtype.

    An image model takes an image (3, H, W) too; a batch axis of one may stand before.
    Raises AttributionError for anything else, and for values that are not finite.
    """
    found = clip[:, None] if clip.dim() == 3 and is_image_model(model) else clip
    if found.dim() == 5 and len(found) == 1:
        found = found[0]
    if found.dim() != 4:
        raise AttributionError(
            f"One clip is explained at a time, of shape (3, T, H, W); got {tuple(clip.shape)}."
        )
    if not torch.isfinite(found).all():
        raise AttributionError("The clip holds values that are not finite; nothing was explained.")
    parameter = next(model.parameters())
    return found.detach().clone().to(parameter.device, parameter.dtype)


def videomamba(model: nn.Module, title: str, *, adaptors: bool = False) -> VideoMamba:
    """The model itself; raises AttributionError when the method can't look inside it.

    `adaptors`: whether the method counts in what they add to scans.
    """
    inside_videomamba(model.config, title, adaptors=adaptors)
    if not isinstance(model, VideoMamba):
        raise AttributionError(
            f"{title} reads the inside of VideoMamba classifiers, not of a {type(model).__name__}."
        )
    if model.cls_token.dtype not in (torch.float32, torch.float64):
        raise AttributionError(
            f"{title} needs a float32 or float64 model, this one is in {model.cls_token.dtype}."
        )
    return model


def _times(sides: tuple[int, ...]) -> str:
    return " x ".join(map(str, sides))


def relative_error(total: float, promised: float) -> float:
    """|total - promised| relative to |promised|; infinite where a zero was promised and missed."""
    gap = abs(total - promised)
    if gap == 0:
        return 0.0
    return gap / abs(promised) if promised else math.inf


def whole_number(value: object, name: str, least: int = 1) -> int:
    """`value` as a whole number of at least `least`; raises AttributionError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise AttributionError(f"{name} must be a whole number from {least} up, got {value!r}.")
    return value


def layer_number(value: object, name: str, depth: int) -> int:
    """A layer as 0..depth-1; -1 is the last. Raises AttributionError for anything else."""
    number = whole_number(value, name, -depth)
    if number >= depth:
        raise AttributionError(
            f"{name} must be between 0 and {depth - 1} (or -1 for the last), got {number}."
        )
    return number % depth
