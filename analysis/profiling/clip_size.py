"""How many tokens a model makes of a clip, and what of a clip it reads at once."""

from typing import Any

from analysis.models.frozen_clip_config import FrozenClipConfig
from analysis.models.vim import VimConfig
from analysis.models.vmamba import VMambaConfig


def clip_tokens(config: Any) -> int:
    """L: the tokens of one clip, or of one image of a model that reads images.

    Those of a frozen CLIP are its patches and the class tokens there are; VMamba's are those of
    its first stage.
    """
    return config.tokens if isinstance(config, FrozenClipConfig) else config.token_grid.length


def reads_images_only(config: Any) -> bool:
    """Whether a model has no place for time: it takes the frames of a clip as so many images."""
    return isinstance(config, VimConfig | VMambaConfig)
