"""A CLIP file by itself as a MoMa: its tower frozen, its texts for classes, scans that do nothing.

The published files were trained without MoMa's scans, which begin as nothing: what answers is CLIP,
zero-shot, with the windows of MoMa.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from analysis.models import model_config, model_family
from analysis.models.class_prompts import ACTION_TEMPLATES, class_directions
from analysis.models.moma import Moma
from analysis.text.clip_words import VOCABULARY_SIZE, encode_clip_texts
from analysis.text.word_pieces import VocabularyError
from analysis.video.labels import label_names
from analysis.video.preprocess import clip_preprocessing
from analysis.weights.card import WeightsCard, WeightsError
from analysis.weights.clip import TABLE, stated_fields
from analysis.weights.clip_layouts import STEM, beside_tower, count_words, tower_tensors
from analysis.weights.conversion import square_grid
from analysis.weights.fitting import LoadReport, ResizedTensor, load_state_dict_with_report
from analysis.weights.moma import FAMILY, TOWER, own_tensors
from analysis.weights.whole_clip import told_clip

LABELS = "k400"
"""The classes, in the order of `analysis.video.labels`: MoMa is published for Kinetics-400."""
# CLIP was trained to answer with its class token. The paper's formulas have none; the mean of all
# patches, which they read out, says little before the scans are trained for it.
_READ_AS_CLIP = {"cls_mode": "frame", "readout": "cls"}
_HEAD = "head."


def is_clip_alone(architecture: str, state: Mapping[str, Tensor]) -> bool:
    """Whether a file for this architecture has nothing that a MoMa trains."""
    trained = (TOWER, "modulators.")
    return model_family(architecture) == FAMILY and not any(k.startswith(trained) for k in state)


def clip_alone_card(card: WeightsCard, state: Mapping[str, Tensor], path: Path) -> WeightsCard:
    """The card of an untrained MoMa with the CLIP in a file of a visitor for its tower.

    It answers zero-shot where the file's texts read the words of the published CLIP; else its head
    stays random. Raises WeightsError, one sentence, when there is no tower.
    """
    overrides = {**card.overrides, **_READ_AS_CLIP, **_tower_fields(card, state, path.parent)}
    own = replace(
        card,
        name=f"{card.architecture}.{path.stem}",
        tag=path.stem,
        overrides=overrides,
        image_size=overrides["image_size"],
        readout=_READ_AS_CLIP["readout"],
        preprocessing=clip_preprocessing(overrides["image_size"]),
        file=path.name,
        note=(
            "The frozen tower is that of a CLIP file of your own; the head is random, because "
            "the file has no texts in the words of the published CLIP: its answers mean nothing. "
            "The scans are untrained and begin as nothing."
        ),
    )
    if count_words(state) != VOCABULARY_SIZE:
        return own
    return replace(
        own,
        training="zero-shot",
        data="the pictures and texts of CLIP (a file of your own)",
        labels=LABELS,
        overrides={**overrides, "head": "text", "num_classes": len(label_names(LABELS))},
        note=(
            "A CLIP file of your own that learned no class: each is its name in "
            f"{len(ACTION_TEMPLATES)} sentences, as the file's texts say them. The scans are "
            "untrained and begin as nothing; what differs from CLIP are the windows that patches "
            "attend in."
        ),
    )


def load_clip_alone(
    model: Moma, state: Mapping[str, Tensor], folder: Path, names: Sequence[str]
) -> LoadReport:
    """Copy the tower of a CLIP file in `folder` into a fresh MoMa, and report every key.

    `names` are said by the file's texts, which are then dropped, and become the classes of the text
    head; without names the head stays as it is. What a MoMa trains is reported as missing.

    Raises WeightsError, one sentence, for tensors that do not fit, and where names can't be read.
    """
    own = own_tensors(model)
    tower = {TOWER + key: value.float() for key, value in tower_tensors(state).items()}
    stem = tower.get(TOWER + STEM)
    if stem is not None and stem.ndim == 4:
        tower[TOWER + STEM] = stem[:, :, None]
    report = load_state_dict_with_report(model, {**own, **tower})
    said = _say_classes(model, state, folder, names) if names else ()
    return replace(
        report,
        loaded=tuple(key for key in report.loaded if key not in own),
        resized=(*report.resized, *said),
        missing=tuple(key for key in own if not (said and key.startswith(_HEAD))),
        dropped=(*report.dropped, *beside_tower(state)),
    )


def _tower_fields(card: WeightsCard, state: Mapping[str, Tensor], folder: Path) -> dict[str, Any]:
    """What a file and those beside it tell of a tower: its resolution, heads and activation."""
    tower = model_config(card.architecture).tower
    try:
        stated = replace(tower, **stated_fields(folder, tower.width))
    except ValueError as error:
        raise WeightsError(f"What stands beside the file can't be used: {error}.") from error
    table = tower_tensors(state).get(TABLE)
    grid = square_grid(table[None]) if table is not None and table.ndim == 2 else None
    side = grid[0] * tower.patch_size if grid else card.image_size
    return {"image_size": side, **({"tower": stated} if stated != tower else {})}


def _say_classes(
    model: Moma, state: Mapping[str, Tensor], folder: Path, names: Sequence[str]
) -> tuple[ResizedTensor, ...]:
    clip = told_clip(state, folder)
    encode = partial(encode_clip_texts, length=clip.config.context_length)
    try:
        model.head.set_classes(class_directions(clip, encode, names), clip.scale)
    except VocabularyError as error:
        raise WeightsError(str(error)) from error
    return (
        _made("directions", model, "class names as the file's texts say them"),
        _made("log_scale", model, "the file's, at most log 100"),
    )


def _made(key: str, model: Moma, method: str) -> ResizedTensor:
    return ResizedTensor(_HEAD + key, (), tuple(getattr(model.head, key).shape), method)
