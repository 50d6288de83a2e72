"""TimeSformer and ViViT from checkpoints in the layout of the `transformers` library."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from analysis.models import create_model, list_models
from analysis.weights.card import WeightsError
from analysis.weights.fitting import load_state_dict_with_report
from analysis.weights.reading import read_checkpoint

# What a name there begins with, by model family.
_FAMILIES = {"timesformer.": "timesformer", "vivit.": "vivit"}
_OUTSIDE_BLOCKS = {
    "embeddings.cls_token": "cls_token",
    "embeddings.position_embeddings": "pos_embed",
    "embeddings.time_embeddings": "time_embed",
    "embeddings.patch_embeddings.projection": "patch_embed.proj",
    "layernorm": "norm",
    "classifier": "head",
}
_IN_BLOCKS = {
    "attention.attention.qkv": "attn.qkv",
    "attention.attention.query": "attn.query",
    "attention.attention.key": "attn.key",
    "attention.attention.value": "attn.value",
    "attention.output.dense": "attn.proj",
    "temporal_attention.attention.qkv": "temporal_attn.qkv",
    "temporal_attention.output.dense": "temporal_attn.proj",
    "temporal_layernorm": "temporal_norm1",
    "temporal_dense": "temporal_fc",
    "layernorm_before": "norm1",
    "layernorm_after": "norm2",
    "intermediate.dense": "mlp.fc1",
    "output.dense": "mlp.fc2",
}
_BLOCK = re.compile(r"encoder\.layer\.(\d+)\.(.+)")
_APART = (".attn.query.", ".attn.key.", ".attn.value.")


def load_attention_model(source: str | Path, architecture: str, **overrides: Any) -> nn.Module:
    """A TimeSformer or ViViT with the tensors of a checkpoint file, in evaluation mode.

    The file has the names that `transformers` gives the video classifiers of these families, as
    the checkpoints on the hub have. `overrides` are fields of the model's configuration, such as
    `num_frames`; they have to be those of the file.

    Raises WeightsError, one sentence, for a file that can't be read, one of another family, keys
    that are missing or unexpected, and tensors that do not fit.
    """
    families = tuple(_FAMILIES.values())
    known = tuple(name for family in families for name in list_models(family))
    if architecture not in known:
        raise WeightsError(
            f"{architecture} has no checkpoints in this layout; choose one of {', '.join(known)}."
        )
    try:
        model = create_model(architecture, **overrides)
    except ValueError as error:
        raise WeightsError(str(error)) from error
    load_state_dict_with_report(model, from_transformers(read_checkpoint(source)))
    return model.eval()


def from_transformers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a TimeSformer or ViViT in the layout of `transformers`, by our names.

    Queries, keys and values that stand apart there become one projection. Names without a
    translation stay as they are, for the loader to complain about. Raises WeightsError when the
    tensors are of no such model.
    """
    prefix = next((p for p in _FAMILIES if any(key.startswith(p) for key in state)), None)
    if prefix is None:
        raise WeightsError(
            "The checkpoint holds neither a TimeSformer nor a ViViT in the layout of transformers: "
            f"no name begins with {' or '.join(_FAMILIES)}"
        )
    named = {_translated(key.removeprefix(prefix)): value for key, value in state.items()}
    return _joined_projections(named)


def _translated(key: str) -> str:
    stem, _, kind = key.rpartition(".")
    if block := _BLOCK.fullmatch(stem):
        number, part = block.groups()
        return f"blocks.{number}.{_IN_BLOCKS[part]}.{kind}" if part in _IN_BLOCKS else key
    if key in _OUTSIDE_BLOCKS:
        return _OUTSIDE_BLOCKS[key]
    return f"{_OUTSIDE_BLOCKS[stem]}.{kind}" if stem in _OUTSIDE_BLOCKS else key


def _joined_projections(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Queries, keys and values in one tensor, wherever all three are there."""
    joined = dict(state)
    for key in state:
        parts = [key.replace(_APART[0], part) for part in _APART]
        if _APART[0] in key and all(part in state for part in parts):
            joined[key.replace(".query.", ".qkv.")] = torch.cat([joined.pop(p) for p in parts])
    return joined
