"""CLIP's visual tower by one set of names, whichever program wrote the file.

OpenAI's names are those of `analysis.models.clip_tower`; open_clip keeps them. `transformers` has
its own, with queries, keys and values apart and the projection turned round.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from analysis.weights.card import WeightsError

STEM = "conv1.weight"
# Where the tower stands in a whole CLIP, and in the published video-text checkpoints.
_PLACES = ("visual.", "clip_teacher.")
_TRANSFORMERS_STEM = "embeddings.patch_embedding.weight"
_OUTSIDE_BLOCKS = {
    "embeddings.class_embedding": "class_embedding",
    _TRANSFORMERS_STEM: STEM,
    "embeddings.position_embedding.weight": "positional_embedding",
    "pre_layrnorm": "ln_pre",  # spelt so there
    "post_layernorm": "ln_post",
    "visual_projection.weight": "proj",
}
_IN_BLOCKS = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "self_attn.out_proj": "attn.out_proj",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}
_BLOCK = re.compile(r"(?:encoder\.)?layers\.(\d+)\.(.+)")
_APART = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")


def tower_tensors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of the visual tower by OpenAI's names, without what else the file holds.

    The tower stands there alone, in a whole CLIP or beside its student. Names without a
    translation stay as they are, for the loader to complain about. Raises WeightsError when there
    is no tower.
    """
    for place in _PLACES:
        inside = {k.removeprefix(place): v for k, v in state.items() if k.startswith(place)}
        if STEM in inside:
            return inside
    if STEM in state:
        return dict(state)
    if any(key.endswith(_TRANSFORMERS_STEM) for key in state):
        return _from_transformers(state)
    raise WeightsError(
        f"The checkpoint holds no visual tower of CLIP: the file lacks {STEM}; give one in the "
        "layout of OpenAI, open_clip or transformers."
    )


def _from_transformers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    place = "vision_model."
    whole = any(key.startswith(place) for key in state)
    own = {
        key.removeprefix(place): value
        for key, value in state.items()
        if not whole or key.startswith((place, "visual_projection."))
    }
    # Older files keep the row numbers of the position table.
    own.pop("embeddings.position_ids", None)
    named = {_translated(key): value for key, value in _joined_projections(own).items()}
    if "proj" in named:
        named["proj"] = named["proj"].T
    return named


def _joined_projections(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Queries, keys and values in one tensor, wherever all three are there."""
    joined = dict(state)
    for key in state:
        parts = [key.replace(_APART[0], part) for part in _APART]
        if _APART[0] in key and all(part in state for part in parts):
            stem, _, kind = key.partition(f"{_APART[0]}.")
            joined[f"{stem}attn.in_proj_{kind}"] = torch.cat([joined.pop(p) for p in parts])
    return joined


def _translated(key: str) -> str:
    block = _BLOCK.fullmatch(key)
    if block is None:
        stem, _, kind = key.rpartition(".")
        if key in _OUTSIDE_BLOCKS:
            return _OUTSIDE_BLOCKS[key]
        return f"{_OUTSIDE_BLOCKS[stem]}.{kind}" if stem in _OUTSIDE_BLOCKS else key
    number, inside = block.groups()
    part, _, kind = inside.rpartition(".")
    name = f"{_IN_BLOCKS[part]}.{kind}" if part in _IN_BLOCKS else inside
    return f"transformer.resblocks.{number}.{name}"
