"""CLIP by one set of names, whichever program wrote the file.

OpenAI's names are those of `analysis.models.clip` and its tower; open_clip keeps them.
`transformers` has its own, with queries, keys and values apart and projections turned round.
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
_TEXTS_OUTSIDE_BLOCKS = {
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "final_layer_norm": "ln_final",
    "text_projection.weight": "text_projection",
    "logit_scale": "logit_scale",
}
# What the parts beside the tower begin with.
_TEXT_PARTS = (
    "token_embedding.",
    "positional_embedding",
    "transformer.",
    "ln_final.",
    "text_projection",
    "logit_scale",
)
_IN_BLOCKS = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "self_attn.out_proj": "attn.out_proj",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}
_BLOCK = re.compile(r"(?:encoder\.)?layers\.(\d+)\.(.+)")
_WORDS = ("token_embedding.weight", "text_model.embeddings.token_embedding.weight")
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


def whole_clip_tensors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of both towers and the temperature by OpenAI's names, the tower's in `visual.`.

    Raises WeightsError when a tower is not there; else as `tower_tensors`.
    """
    visual = {f"visual.{key}": value for key, value in tower_tensors(state).items()}
    if any(key.startswith("text_model.") for key in state):
        own = _inside(state, "text_model.", ("text_projection.", "logit_scale"))
        return {**_named(own, _TEXTS_OUTSIDE_BLOCKS, "text_projection"), **visual}
    if "token_embedding.weight" in state:
        texts = {key: value for key, value in state.items() if key.startswith(_TEXT_PARTS)}
        return {**texts, **visual}
    raise WeightsError(
        "The checkpoint holds no text tower of CLIP: the file lacks token_embedding.weight; give a "
        "whole CLIP in the layout of OpenAI, open_clip or transformers."
    )


def count_words(state: Mapping[str, Tensor]) -> int:
    """How many words the texts of a CLIP have; 0 without texts."""
    return next((len(state[key]) for key in _WORDS if key in state), 0)


def beside_tower(state: Mapping[str, Tensor]) -> tuple[str, ...]:
    """The names of what a file holds beside the visual tower."""
    inside = (*_PLACES, "vision_model.", "visual_projection.")
    if not any(key.startswith(inside) for key in state):
        return ()
    return tuple(key for key in state if not key.startswith(inside))


def _from_transformers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    place = "vision_model."
    whole = any(key.startswith(place) for key in state)
    own = _inside(state, place, ("visual_projection.",)) if whole else dict(state)
    return _named(own, _OUTSIDE_BLOCKS, "proj")


def _inside(state: Mapping[str, Tensor], place: str, beside: tuple[str, ...]) -> dict[str, Tensor]:
    """What stands in a place, its name taken away, and what belongs to it beside."""
    return {
        key.removeprefix(place): value
        for key, value in state.items()
        if key.startswith((place, *beside))
    }


def _named(
    state: Mapping[str, Tensor], outside_blocks: Mapping[str, str], projection: str
) -> dict[str, Tensor]:
    """The tensors of one tower by OpenAI's names, its projection turned round."""
    # Older files keep the row numbers of the position table.
    own = {key: value for key, value in state.items() if key != "embeddings.position_ids"}
    named = {
        _translated(key, outside_blocks): value for key, value in _joined_projections(own).items()
    }
    if projection in named:
        named[projection] = named[projection].T
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


def _translated(key: str, outside_blocks: Mapping[str, str]) -> str:
    block = _BLOCK.fullmatch(key)
    if block is None:
        stem, _, kind = key.rpartition(".")
        if key in outside_blocks:
            return outside_blocks[key]
        return f"{outside_blocks[stem]}.{kind}" if stem in outside_blocks else key
    number, inside = block.groups()
    part, _, kind = inside.rpartition(".")
    name = f"{_IN_BLOCKS[part]}.{kind}" if part in _IN_BLOCKS else inside
    return f"transformer.resblocks.{number}.{name}"
