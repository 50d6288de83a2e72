"""Which models are opened layer by layer: those whose blocks are scans summed, gated, projected."""

from typing import Any

from analysis.layers.adaptor_config import AdaptorConfig
from analysis.models.frozen_clip_config import FrozenClipConfig
from analysis.models.moma_config import MomaConfig
from analysis.models.videomamba import VideoMambaConfig


class TracingError(ValueError):
    """A model that can't be opened as asked; the message is one sentence."""


def check_opened(config: Any, what: str) -> None:
    """Raises TracingError, naming `what` was asked for, unless the model's layers are opened.

    Those of VideoMamba and Vim are, with and without adaptors.
    """
    if not isinstance(config, VideoMambaConfig):
        raise TracingError(f"{what} opens the layers of VideoMamba and Vim, not {_kind(config)}.")


def check_scans_alone(config: Any, what: str) -> None:
    """Raises TracingError as `check_opened`, and for a model whose adaptors are switched on."""
    check_opened(config, what)
    if has_adaptors_on(config):
        raise TracingError(
            f"{what} follows scans alone, and here tokens also read the states and surroundings of "
            "others; Hidden states and the last-layer method count these in."
        )


def check_takes_masks(config: Any, what: str) -> None:
    """Raises TracingError, naming `what` was asked for, unless tokens can be left out of a pass."""
    if not isinstance(config, VideoMambaConfig):
        raise TracingError(
            f"{what} leaves tokens out of the one sequence that VideoMamba and Vim read; this "
            "model reads in another way."
        )


def has_adaptors_on(config: Any) -> bool:
    """Whether any of a model's adaptors is switched on."""
    return isinstance(config, AdaptorConfig) and (config.adaptor_t or config.adaptor_s)


def _kind(config: Any) -> str:
    if isinstance(config, MomaConfig):
        return "MoMa; the Adapters tab looks inside a small one"
    return "a model over a frozen CLIP" if isinstance(config, FrozenClipConfig) else "VMamba"
