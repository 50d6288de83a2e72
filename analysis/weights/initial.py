"""Trained tensors as the start of another training."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from analysis.models.frozen_clip_config import FrozenClipConfig
from analysis.models.mamba_adaptor import has_adaptors
from analysis.models.videomamba_retrieval import VideoMambaRetrieval
from analysis.weights.card import WeightsError
from analysis.weights.clip import fitted_clip_tensors, stated_fields
from analysis.weights.clip_layouts import tower_tensors
from analysis.weights.fitting import TEMPORAL, LoadReport, load_state_dict_with_report
from analysis.weights.host import load_host_weights
from analysis.weights.named_tensors import named_tensors
from analysis.weights.retrieval import retrieval_tensors

# What a video classifier may start without: heads are learned anew, an image model knows no time.
_MAY_BE_MISSING = ("head.", "distill_head.", TEMPORAL)
# A student of masked pretraining learns its decoders anew, a vision encoder what it is read by.
_STUDENT_LEARNS = ("clip_decoder.", "clip_pos_embed", "pool_norm.")
# The final norm of students of masked pretraining, and that of classifiers.
_STUDENT_NORM, _CLASSIFIER_NORM = "norm.", "norm_f."


def load_initial_weights(
    model: nn.Module, source: str, *, keep_head: bool = False, carry_norm: bool = False
) -> LoadReport:
    """Copy a weights name's or checkpoint file's tensors into `model`, all but the head.

    Image stems are inflated and position tables resized to the model's frames and resolution. A
    video-text model takes a whole other one, or a student or classifier as its vision encoder, a
    model with adaptors its host, and one over a frozen CLIP the tower of a CLIP in any layout, or
    all of another such model.
    `keep_head` is for going on with the same classes (higher resolution, more frames).

    The students of masked pretraining lose their decoders in a classifier. As published, their
    final norm is lost too, since it goes by another name, and the classifier's starts at ones;
    `carry_norm` takes it over, which is right for students that trained it (`align_last="normed"`).

    Raises WeightsError, one sentence, when anything but heads and the temporal table would stay
    untrained.
    """
    state = named_tensors(source)
    if isinstance(model, VideoMambaRetrieval):
        if _is_video_text(state):
            return _load_video_text(model, state, source)
        model = model.vision_encoder
    if has_adaptors(model):
        return load_host_weights(model, source, keep_head=keep_head)
    if isinstance(model.config, FrozenClipConfig) and not _is_over_tower(state):
        _check_stated(model.config, Path(source))
        fitted = fitted_clip_tensors(tower_tensors(state), model.tower)
        return load_state_dict_with_report(model.tower, fitted)
    if not keep_head:
        state = {key: value for key, value in state.items() if not key.startswith("head.")}
    allowed = _MAY_BE_MISSING[1:] if keep_head else _MAY_BE_MISSING
    if _is_student(state) and not _is_student(model.state_dict()):
        if carry_norm:
            state = {_classifier_name(key): value for key, value in state.items()}
        else:
            allowed = (*allowed, _CLASSIFIER_NORM)
    if _is_student(model.state_dict()):
        allowed = (*allowed, *_STUDENT_LEARNS)
        state = {_student_name(key): value for key, value in state.items()}
    report = load_state_dict_with_report(model, state, strict=False)
    _check_complete(report, allowed, source)
    return report


def _load_video_text(
    model: VideoMambaRetrieval, state: Mapping[str, Tensor], source: str
) -> LoadReport:
    """A teacher and the head for hidden words may be left out of a file; they are learned anew."""
    tensors = retrieval_tensors(state, model)
    report = load_state_dict_with_report(model, tensors, strict=False, trunk="vision_encoder")
    _check_complete(report, ("text_encoder.cls.", "clip_teacher."), source)
    return report


def _check_stated(config: FrozenClipConfig, path: Path) -> None:
    """Refuses a CLIP whose activation or heads, stated beside its file, no recipe would write down.

    They are not in the tensors: the tower would run, and answer wrongly.
    """
    stated = stated_fields(path.parent, config.width) if path.is_file() else {}
    for name, value in stated.items():
        if (ours := getattr(config.tower, name)) != value:
            raise WeightsError(
                f"{path.name} has a tower with {name} {value}, the model one with {ours}; train "
                "over a CLIP of the same kind, as OpenAI's are."
            )


def _check_complete(report: LoadReport, allowed: tuple[str, ...], source: str) -> None:
    lacking = [key for key in report.missing if not key.startswith(allowed)]
    if lacking:
        raise WeightsError(
            f"{source} does not fit the model to be trained: it has no {lacking[0]} of the right "
            f"shape ({len(lacking)} such tensors); choose weights of the same architecture."
        )


def _is_video_text(state: Mapping[str, Tensor]) -> bool:
    return any(key.startswith("vision_encoder.") for key in state)


def _is_over_tower(state: Mapping[str, Tensor]) -> bool:
    return any(key.startswith("tower.") for key in state)


def _is_student(state: Mapping[str, Tensor]) -> bool:
    return any(key.startswith("clip_decoder.") for key in state)


def _student_name(key: str) -> str:
    is_norm = key.startswith(_CLASSIFIER_NORM)
    return _STUDENT_NORM + key.removeprefix(_CLASSIFIER_NORM) if is_norm else key


def _classifier_name(key: str) -> str:
    is_norm = key.startswith(_STUDENT_NORM)
    return _CLASSIFIER_NORM + key.removeprefix(_STUDENT_NORM) if is_norm else key
