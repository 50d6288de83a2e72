"""The small Mamba-Adaptor of the page: its switches, and the model they ask for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from analysis.adaptation.adapted_host import HOST, AdaptorChoice, trained_adaptors
from analysis.adaptation.errors import AdaptationError
from analysis.nearest_names import nearest
from analysis.weights import weights_card
from app.selection import Selection

DRAWN, ZERO = "untrained", "untrained_start"
"""Instead of a weights name: untrained adaptors, their predictors drawn or as they start."""
PARTS: dict[str, tuple[bool, bool]] = {
    "both": (True, True),
    "memory": (True, False),
    "convolutions": (False, True),
}
"""By name: whether Adaptor-T and whether Adaptor-S take part."""
MOST_STRENGTH = 2.0
FIRST_STRENGTHS = {False: 0.1, True: 1.0}
"""Of untrained adaptors, at which the host still answers sensibly, and of trained ones."""
_MOST_PLACES, _MOST_DILATION, _MOST_SCALES = 128, 8, 4


@dataclass(frozen=True)
class AdaptorSetting:
    """What is asked for.

    strength: gamma and kernels are so many times what they are; of untrained adaptors gamma is
    then `strength` itself. parts: a key of PARTS.
    """

    choice: AdaptorChoice = field(default_factory=AdaptorChoice)
    strength: float = FIRST_STRENGTHS[False]
    parts: str = "both"

    @property
    def training(self) -> str:
        """Of the adaptors, as a card says it."""
        weights = self.choice.weights
        return weights_card(weights).training if weights else "untrained"


def adaptor_choices() -> list[tuple[str, str]]:
    """Labels and values of the adaptors there are, trained ones first."""
    trained = [(card.name, card.name) for card in trained_adaptors()]
    return [*trained, ("Untrained, predictors drawn", DRAWN), ("Untrained, as they start", ZERO)]


def first_strength(adaptors: str) -> float:
    """What the slider begins at for a value of `adaptor_choices`."""
    return FIRST_STRENGTHS[adaptors not in (DRAWN, ZERO)]


def adaptor_setting(
    adaptors: str,
    strength: float,
    parts: str,
    selection: str,
    coefficients: str,
    memory_range: str,
    locations: str,
    memory_sequences: float,
    memory_locations: float,
    dilations: str,
    share: str,
    share_directions: bool,
) -> AdaptorSetting:
    """The setting of what stands in the controls or came from a program.

    Raises AdaptationError, one sentence, for what no model can be; switches that do not go
    together are told of when the model is made.
    """
    untrained = adaptors in (DRAWN, ZERO)
    known = [value for _, value in adaptor_choices()]
    if adaptors not in known:
        raise AdaptationError(f"There are no adaptors {adaptors!r}; {nearest(adaptors, known)}")
    if parts not in PARTS:
        raise AdaptationError(f"There is no part {parts!r}; {nearest(parts, PARTS)}")
    if not 0 <= strength <= MOST_STRENGTH:
        raise AdaptationError(f"The strength is {strength:g}; choose 0 to {MOST_STRENGTH:g}.")
    if memory_sequences * memory_locations > _MOST_PLACES:
        raise AdaptationError(
            f"{memory_sequences * memory_locations:g} places a token are more than this page "
            f"draws; choose at most {_MOST_PLACES}."
        )
    choice = AdaptorChoice(
        weights="" if untrained else adaptors,
        predictors="zero" if adaptors == ZERO else "drawn",
        selection=selection,
        coefficients=coefficients,
        memory_range=memory_range,
        locations=locations,
        memory_sequences=int(memory_sequences),
        memory_locations=int(memory_locations),
        dilations=parsed_dilations(dilations),
        share=share,
        share_directions=bool(share_directions),
    )
    return AdaptorSetting(choice, float(strength), parts)


def setting_again(fields: Mapping[str, Any]) -> AdaptorSetting:
    """The setting that was written down as a plain dictionary."""
    choice = fields["choice"]
    made = AdaptorChoice(**{**choice, "dilations": tuple(choice["dilations"])})
    return AdaptorSetting(**{**fields, "choice": made})


def parsed_dilations(text: str) -> tuple[int, ...]:
    """ "1, 2, 3" as numbers. Raises AdaptationError for anything else."""
    words = [word.strip() for word in text.split(",")]
    if all(word.isdecimal() for word in words):
        numbers = tuple(map(int, words))
        if len(numbers) <= _MOST_SCALES and all(1 <= one <= _MOST_DILATION for one in numbers):
            return numbers
    raise AdaptationError(
        f"{text!r} are no dilations; write up to {_MOST_SCALES} numbers from 1 to "
        f"{_MOST_DILATION}, such as 1, 2, 3."
    )


def adaptor_selection(selection: Selection, setting: AdaptorSetting) -> Selection:
    """The page's clip, read as the small model was trained to, whatever the sidebar names."""
    card = weights_card(setting.choice.weights or HOST)
    return replace(
        selection,
        model=card.name,
        num_frames=card.num_frames,
        image_size=card.image_size,
        scan_order=card.scan_order,
    )
