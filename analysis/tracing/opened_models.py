"""Which models are opened layer by layer: those whose blocks are scans summed, gated, projected.

MoMa's state-space layers are traced too; what stands between them are not scans, so that methods
which follow an answer through all layers do not open it.
"""

from typing import Any

from analysis.layers.adaptor_config import AdaptorConfig
from analysis.layers.token_grid import ClassFreeGrid, TokenGrid
from analysis.models.frozen_clip_config import FrozenClipConfig
from analysis.models.moma_config import MomaConfig
from analysis.models.videomamba import VideoMambaConfig

ADDING_FUSIONS = ("seqmod", "add", "scale_only", "bias_only")
"""Fusions of MoMa that add something to every token, scale * x + bias or a part of it."""


class TracingError(ValueError):
    """A model that can't be opened as asked; the message is one sentence."""


def check_traced(config: Any, what: str) -> None:
    """Raises TracingError, naming `what` was asked for, unless the model's scans are traced.

    Those of VideoMamba and Vim are, with and without adaptors, and those of MoMa where they add
    something to every token.
    """
    if not isinstance(config, VideoMambaConfig | MomaConfig):
        raise TracingError(
            f"{what} opens the scans of VideoMamba, Vim and MoMa, not {_kind(config)}."
        )
    if isinstance(config, MomaConfig) and config.fusion not in ADDING_FUSIONS:
        raise TracingError(
            f"{what} follows what MoMa's scans add to tokens, and the fusion {config.fusion} adds "
            f"nothing token by token; choose {', '.join(ADDING_FUSIONS[:-1])} or "
            f"{ADDING_FUSIONS[-1]}."
        )


def traced_grid(config: Any) -> TokenGrid:
    """Where the tokens of a traced model's scans stand: in MoMa class tokens are never scanned."""
    grid = config.token_grid
    return ClassFreeGrid(grid.t, grid.h, grid.w) if isinstance(config, MomaConfig) else grid


def scan_channels(config: Any) -> int:
    """E of a traced model."""
    return config.inner if isinstance(config, MomaConfig) else config.expand * config.width


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
        return "MoMa, inside whose scans Hidden states looks"
    return "a model over a frozen CLIP" if isinstance(config, FrozenClipConfig) else "VMamba"
