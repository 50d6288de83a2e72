"""CLIP's visual tower with its parameters in place."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from analysis.layers.token_grid import TokenGrid
from analysis.models import create_model, model_config
from analysis.models.clip_tower import ClipTower, ClipTowerConfig
from analysis.weights.card import WeightsError
from analysis.weights.clip_layouts import STEM, tower_tensors
from analysis.weights.conversion import inflate_kernel, resize_pos_embed, square_grid
from analysis.weights.fitting import load_state_dict_with_report
from analysis.weights.named_tensors import named_tensors
from analysis.weights.reading import read_checkpoint

TABLE = "positional_embedding"
# What the programs that write CLIP files put beside them.
_TRANSFORMERS_CONFIG, _OPEN_CLIP_CONFIG = "config.json", "open_clip_config.json"
_HEAD_WIDTH = 64
_BLOCK = re.compile(r"transformer\.resblocks\.(\d+)\.")


def load_clip_tower(
    source: str | Path, architecture: str = "clip_tower_b16", **overrides: Any
) -> ClipTower:
    """A tower with the tensors of a checkpoint file or a weights name, in evaluation mode.

    They are the tower alone, a whole CLIP or a model trained with the tower as its teacher, by the
    names of OpenAI, open_clip or `transformers`. A stem for images gets a time axis, a position
    table of another resolution is resized bicubically; `overrides` are fields of
    `ClipTowerConfig`.

    Raises WeightsError, one sentence, for files that cannot be read and tensors that do not fit.
    """
    try:
        tower = create_model(architecture, **overrides)
    except ValueError as error:
        raise WeightsError(str(error)) from error
    return _filled(tower, tower_tensors(named_tensors(str(source))))


@dataclass(frozen=True, eq=False)
class StoredTower:
    """A tower's tensors with the sizes they were trained in, ready to be fitted to others."""

    tensors: Mapping[str, Tensor]
    config: ClipTowerConfig

    def tower(self, grid: TokenGrid, frames: int) -> ClipTower:
        """The tower that cuts so many frames into a grid of tokens, in evaluation mode.

        Raises WeightsError, one sentence, for sizes it cannot have and tensors that do not fit.
        """
        try:
            tower = ClipTower(replace(self.config, **self.config.sizes_for(grid, frames)))
        except ValueError as error:
            raise WeightsError(str(error)) from error
        return _filled(tower, self.tensors)


def shipped_clip_tower(name: str, architecture: str) -> StoredTower:
    """The tower of shipped weights; `architecture` is the tower's. Raises WeightsError."""
    return StoredTower(tower_tensors(named_tensors(name)), model_config(architecture))


def read_clip_file(path: str | Path) -> StoredTower:
    """The tower in a checkpoint file, of whatever sizes; layouts as for `load_clip_tower`.

    What tensors do not tell is read from the config.json of `transformers` or the
    open_clip_config.json beside the file; without either, heads are 64 channels wide and the
    activation is QuickGELU, as in all of OpenAI's towers.

    Raises WeightsError, one sentence, for files that cannot be read or hold no tower.
    """
    path = Path(path)
    state = tower_tensors(read_checkpoint(path))
    try:
        return StoredTower(state, told_config(state, path.parent))
    except ValueError as error:
        raise WeightsError(f"{path.name} can't be used: {error}.") from error


def fitted_clip_tensors(state: Mapping[str, Tensor], tower: ClipTower) -> dict[str, Tensor]:
    """The tensors of a tower, stem and position table made to fit another tower's sizes.

    What no rule fits stays as it is, for the loader to complain about.
    """
    fitted, grid = dict(state), tower.config.token_grid(tower.config.tubelet)
    stem, table = fitted.get(STEM), fitted.get(TABLE)
    if stem is not None:
        if stem.ndim == 5 and stem.shape[2] == 1:
            stem = stem[:, :, 0]
        if stem.ndim == 4:
            fitted[STEM] = inflate_kernel(stem, tower.config.tubelet)
    if table is not None and (source := square_grid(table[None])):
        fitted[TABLE] = resize_pos_embed(table[None], source, (grid.h, grid.w))[0]
    return {key: value.float() for key, value in fitted.items() if torch.is_tensor(value)}


def told_config(state: Mapping[str, Tensor], folder: Path) -> ClipTowerConfig:
    """What `read_clip_file` takes a tower's tensors for that lie in a file in `folder`.

    Raises WeightsError for tensors that are not there, ValueError for sizes that do not fit.
    """
    stem, table, proj = (required_tensor(state, key) for key in (STEM, TABLE, "proj"))
    width, channels, *_, patch = stem.shape
    side = math.isqrt(len(table) - 1)
    return ClipTowerConfig(
        image_size=side * patch,
        patch_size=patch,
        in_channels=channels,
        width=width,
        layers=count_blocks(state),
        output_dim=proj.shape[-1],
        **{"heads": max(1, width // _HEAD_WIDTH), **stated_fields(folder, width)},
    )


def _filled(tower: ClipTower, state: Mapping[str, Tensor]) -> ClipTower:
    load_state_dict_with_report(tower, fitted_clip_tensors(state, tower))
    return tower.eval()


def count_blocks(state: Mapping[str, Tensor]) -> int:
    """How many blocks a tower has, by the names of its tensors."""
    return 1 + max((int(found[1]) for key in state if (found := _BLOCK.match(key))), default=-1)


def required_tensor(state: Mapping[str, Tensor], key: str) -> Tensor:
    """A tensor by its name; raises WeightsError where there is none."""
    if key not in state:
        raise WeightsError(f"The weights do not fit the model: the file lacks {key}.")
    return state[key]


def stated_fields(folder: Path, width: int) -> dict[str, Any]:
    """Fields of `ClipTowerConfig` that tensors do not tell: heads and activation of a tower.

    As a file beside its checkpoint in `folder` tells them, as far as it does. Raises WeightsError
    for a file that cannot be read.
    """
    if ours := _json_object(folder / _OPEN_CLIP_CONFIG):
        model = ours.get("model_cfg", ours)
        head_width = model.get("vision_cfg", {}).get("head_width", _HEAD_WIDTH)
        quick = model.get("quick_gelu", False)
        return {"heads": width // head_width, "activation": "quick_gelu" if quick else "gelu"}
    if theirs := _json_object(folder / _TRANSFORMERS_CONFIG):
        vision = theirs.get("vision_config", theirs)
        names = {"num_attention_heads": "heads", "hidden_act": "activation"}
        return {ours: vision[key] for key, ours in names.items() if key in vision}
    return {}


def stated_text_heads(folder: Path, width: int) -> int:
    """Heads of a text tower of so many channels, as `stated_fields` tells those of the other.

    Without a file that tells them they are 64 channels wide.
    """
    ours = _json_object(folder / _OPEN_CLIP_CONFIG)
    theirs = _json_object(folder / _TRANSFORMERS_CONFIG)
    stated = (
        ours.get("model_cfg", ours).get("text_cfg", {}).get("heads"),
        theirs.get("text_config", {}).get("num_attention_heads"),
    )
    return next(filter(None, stated), max(1, width // _HEAD_WIDTH))


def _json_object(path: Path) -> dict[str, Any]:
    """What a JSON file holds; nothing when it is not there."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path.name} beside the checkpoint cannot be read.") from error
    return content if isinstance(content, dict) else {}
