"""Trained tensors as the start of another training."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from analysis.weights.card import WeightsError
from analysis.weights.catalogue import weights_card
from analysis.weights.fitting import TEMPORAL, LoadReport, load_state_dict_with_report
from analysis.weights.hub import fetch_checkpoint
from analysis.weights.reading import read_checkpoint

# What a video classifier may start without: heads are learned anew, an image model knows no time.
_MAY_BE_MISSING = ("head.", "distill_head.", TEMPORAL)
# The final norm of students of masked pretraining, and that of classifiers.
_STUDENT_NORM, _CLASSIFIER_NORM = "norm.", "norm_f."


def load_initial_weights(
    model: nn.Module, source: str, *, keep_head: bool = False, carry_norm: bool = False
) -> LoadReport:
    """Copy a weights name's or checkpoint file's tensors into `model`, all but the head.

    Image stems are inflated and position tables resized to the model's frames and resolution.
    `keep_head` is for going on with the same classes (higher resolution, more frames).

    The students of masked pretraining lose their decoders in a classifier. As published, their
    final norm is lost too, since it goes by another name, and the classifier's starts at ones;
    `carry_norm` takes it over, which is right for students that trained it (`align_last="normed"`).

    Raises WeightsError, one sentence, when anything but heads and the temporal table would stay
    untrained.
    """
    state = initial_tensors(source)
    if not keep_head:
        state = {key: value for key, value in state.items() if not key.startswith("head.")}
    allowed = _MAY_BE_MISSING[1:] if keep_head else _MAY_BE_MISSING
    if _is_student(state) and not _is_student(model.state_dict()):
        if carry_norm:
            state = {_classifier_name(key): value for key, value in state.items()}
        else:
            allowed = (*allowed, _CLASSIFIER_NORM)
    report = load_state_dict_with_report(model, state, strict=False)
    lacking = [key for key in report.missing if not key.startswith(allowed)]
    if lacking:
        raise WeightsError(
            f"{source} does not fit the model to be trained: it has no {lacking[0]} of the right "
            f"shape ({len(lacking)} such tensors); choose weights of the same architecture."
        )
    return report


def _is_student(state: Mapping[str, Tensor]) -> bool:
    return any(key.startswith("clip_decoder.") for key in state)


def _classifier_name(key: str) -> str:
    is_norm = key.startswith(_STUDENT_NORM)
    return _CLASSIFIER_NORM + key.removeprefix(_STUDENT_NORM) if is_norm else key


def initial_tensors(source: str) -> dict[str, Tensor]:
    """The tensors of a checkpoint file, or of weights by their name.

    Raises WeightsError, one sentence.
    """
    if Path(source).suffix in (".safetensors", ".pth", ".pt", ".bin"):
        return read_checkpoint(Path(source))
    card = weights_card(source)
    if card.file is None:
        raise WeightsError(f"{source} is untrained; leave the initial weights out instead.")
    return read_checkpoint(fetch_checkpoint(card))
