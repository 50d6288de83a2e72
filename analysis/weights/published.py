"""The checkpoints the authors of VideoMamba published, as their model zoo lists them.

A file name says nearly everything about its file (size, data set, start, frames, resolution), so
the tables below hold only what it does not say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from analysis.video.preprocess import (
    Preprocessing,
    image_preprocessing,
    retrieval_preprocessing,
    video_preprocessing,
)
from analysis.weights.card import WeightsCard

HUB_REPO = "OpenGVLab/VideoMamba"
LICENCE = "Apache-2.0"

_SIZES = {"t16": "tiny", "s16": "small", "m16": "middle", "b16": "base"}


@dataclass(frozen=True)
class _DataSet:
    title: str
    labels: str
    num_classes: int
    views: tuple[int, int]
    start: str = ""
    accuracy_note: str = ""
    sampling: str = "k400"


_DATA_SETS = {
    "in1k": _DataSet("ImageNet-1K", "imagenet1k", 1000, (1, 1)),
    "k400": _DataSet("Kinetics-400", "k400", 400, (4, 3), "ImageNet-1K"),
    "ssv2": _DataSet(
        "Something-Something V2",
        "ssv2",
        174,
        (2, 3),
        "ImageNet-1K",
        "the model zoo states 4 clips x 3 crops for models without masked pretraining",
        sampling="ssv2",
    ),
    "breakfast": _DataSet("Breakfast", "breakfast", 10, (4, 3), "Kinetics-400"),
    "coin": _DataSet("COIN", "coin", 180, (10, 3), "Kinetics-400"),
}

# Top-1 accuracy in percent by file name without "videomamba_" and ".pth".
_CLASSIFIERS = {
    "t16_in1k_res224": 76.9,
    "t16_in1k_res224to448": 79.3,
    "t16_in1k_res224to448to576": 79.6,
    "s16_in1k_res224": 81.2,
    "s16_in1k_res224to448": 83.2,
    "s16_in1k_res224to448to576": 83.5,
    "m16_in1k_res224": 82.8,
    "m16_in1k_res224to448": 83.8,
    "m16_in1k_res224to448to576": 84.0,
    "b16_in1k_res224": 82.7,
    "t16_k400_f8_res224": 76.9,
    "t16_k400_f16_res224": 78.1,
    "t16_k400_f32_res224": 78.8,
    "t16_k400_f64_res224": 79.6,
    "t16_k400_f64_res224to384": 80.3,
    "s16_k400_f8_res224": 79.3,
    "s16_k400_f16_res224": 80.8,
    "s16_k400_f32_res224": 81.5,
    "s16_k400_f64_res224": 81.8,
    "s16_k400_f64_res224to384": 82.7,
    "m16_k400_f8_res224": 80.6,
    "m16_k400_f16_res224": 81.9,
    "m16_k400_f32_res224": 82.4,
    "m16_k400_f64_res224": 82.8,
    "m16_k400_f64_res224to384": 83.3,
    "m16_k400_mask_ft_f8_res224": 82.0,
    "m16_k400_mask_ft_f16_res224": 83.4,
    "m16_k400_mask_ft_f32_res224": 83.9,
    "m16_k400_mask_ft_f64_res224": 84.3,
    "m16_k400_mask_ft_f64_res224to384": 85.0,
    "t16_ssv2_f8_res224": 65.1,
    "t16_ssv2_f16_res224": 66.0,
    "t16_ssv2_f16_res224to288": 66.2,
    "s16_ssv2_f8_res224": 66.6,
    "s16_ssv2_f16_res224": 67.7,
    "s16_ssv2_f16_res224to288": 68.1,
    "m16_ssv2_f8_res224": 67.3,
    "m16_ssv2_f16_res224": 68.3,
    "m16_ssv2_f16_res224to288": 68.4,
    "m16_ssv2_mask_ft_f8_res224": 70.2,
    "m16_ssv2_mask_ft_f16_res224": 71.0,
    "m16_ssv2_mask_ft_f16_res224to288": 71.4,
    "t16_breakfast_f32_res224": 94.3,
    "t16_breakfast_f64_res224": 94.3,
    "s16_breakfast_f32_res224": 95.3,
    "s16_breakfast_f64_res224": 97.4,
    "m16_breakfast_f32_res224": 94.8,
    "m16_breakfast_f64_res224": 95.8,
    "m16_breakfast_mask_ft_f32_res224": 97.9,
    "m16_breakfast_mask_ft_f64_res224": 96.9,
    "t16_coin_f32_res224": 86.2,
    "t16_coin_f64_res224": 87.0,
    "s16_coin_f32_res224": 88.4,
    "s16_coin_f64_res224": 88.7,
    "m16_coin_f32_res224": 88.3,
    "m16_coin_f64_res224": 89.5,
    "m16_coin_mask_ft_f32_res224": 89.6,
    "m16_coin_mask_ft_f64_res224": 90.4,
}

# Files that hold no classifier: (architecture, what it was trained on, note).
_STUDENT = (
    "Masked-pretraining student without a classifier: loaded by the masked-pretraining model, "
    "or as a start for fine-tuning."
)
_RETRIEVAL = (
    "Vision and text towers with the CLIP teacher: loaded by the video-text retrieval model, "
    "not by a classifier."
)
_OTHERS = {
    "m16_k400_mask_pt_f8_res224": (
        "videomamba_student_middle",
        "Kinetics-400 without labels",
        f"{_STUDENT} 800 epochs.",
    ),
    "m16_ssv2_mask_pt_f8_res224": (
        "videomamba_student_middle",
        "Something-Something V2 without labels",
        f"{_STUDENT} The model zoo says 200 epochs, the training script 801.",
    ),
    "m16_5M_f8_res224": ("videomamba_retrieval_middle", "CC3M and WebVid-2M", _RETRIEVAL),
    "m16_17M_f8_res224": (
        "videomamba_retrieval_middle",
        "CC3M, WebVid-2M, CC12M, COCO, Visual Genome and SBU",
        _RETRIEVAL,
    ),
    "m16_25M_f8_res224": (
        "videomamba_retrieval_middle",
        "CC3M, WebVid-10M, CC12M, COCO, Visual Genome and SBU",
        _RETRIEVAL,
    ),
}

_NOTES = {
    "t16_in1k_res224to448": (
        "The model zoo's hub link for this row leads to another file; the name is that of its "
        "mirror link."
    ),
    "m16_in1k_res224": "Self-distilled.",
    "m16_in1k_res224to448": "Self-distilled.",
    "m16_in1k_res224to448to576": "Self-distilled.",
    "b16_in1k_res224": "Self-distilled.",
    "m16_k400_mask_ft_f16_res224": (
        "The model zoo's row links the file trained without masked pretraining instead."
    ),
    "s16_ssv2_f16_res224": "The paper reports 67.6.",
    "m16_ssv2_mask_ft_f16_res224": (
        "The model zoo's row links the file trained without masked pretraining instead; this "
        "name follows the pattern and may not exist on the hub."
    ),
}


@lru_cache(maxsize=1)
def published_cards() -> tuple[WeightsCard, ...]:
    """Every published checkpoint: image and video classifiers, then the files without one."""
    classifiers = (_classifier_card(stem, top1) for stem, top1 in _CLASSIFIERS.items())
    others = (_card_without_classifier(stem, *facts) for stem, facts in _OTHERS.items())
    return (*classifiers, *others)


def _classifier_card(stem: str, top1: float) -> WeightsCard:
    size, tag = stem.split("_", 1)
    data_set = _DATA_SETS[tag.split("_", 1)[0]]
    num_frames, image_size = _frames(stem), _resolution(stem)
    overrides = {"image_size": image_size, "num_classes": data_set.num_classes}
    if num_frames is None:
        architecture = f"videomamba_image_{_SIZES[size]}"
        preprocessing = image_preprocessing(image_size)
    else:
        architecture = f"videomamba_{_SIZES[size]}"
        preprocessing = video_preprocessing(image_size)
        overrides["num_frames"] = num_frames
    return _card(
        stem,
        architecture,
        data=data_set.title + _start(tag, data_set),
        labels=data_set.labels,
        overrides=overrides,
        preprocessing=preprocessing,
        reported_accuracy=top1,
        accuracy_note=_accuracy_note(data_set, num_frames),
        views=data_set.views,
        sampling=data_set.sampling,
        note=_NOTES.get(stem, ""),
    )


def _card_without_classifier(stem: str, architecture: str, data: str, note: str) -> WeightsCard:
    num_frames, image_size = _frames(stem), _resolution(stem)
    is_retrieval = "_retrieval_" in architecture
    preprocessing = retrieval_preprocessing if is_retrieval else video_preprocessing
    return _card(
        stem,
        architecture,
        data=data,
        labels=None,
        overrides={"image_size": image_size, "num_frames": num_frames},
        preprocessing=preprocessing(image_size),
        note=note,
    )


def _card(stem: str, architecture: str, preprocessing: Preprocessing, **facts) -> WeightsCard:
    tag, image_size = stem.split("_", 1)[1], _resolution(stem)
    return WeightsCard(
        name=f"{architecture}.{tag}",
        architecture=architecture,
        tag=tag,
        family="videomamba",
        training="trained",
        num_frames=_frames(stem),
        image_size=image_size,
        scan_order="spatial_first",
        readout="cls",
        preprocessing=preprocessing,
        file=f"videomamba_{stem}.pth",
        hub_repo=HUB_REPO,
        licence=LICENCE,
        **facts,
    )


def _frames(stem: str) -> int | None:
    found = re.search(r"_f(\d+)_", stem)
    return int(found[1]) if found else None


def _resolution(stem: str) -> int:
    return int(re.search(r"(\d+)$", stem)[1])


def _start(tag: str, data_set: _DataSet) -> str:
    if not data_set.start:
        return ""
    if "_mask_ft_" not in tag:
        return f", from {data_set.start}"
    return ", from masked pretraining" + (
        f" and {data_set.start}" if data_set.start == "Kinetics-400" else ""
    )


def _accuracy_note(data_set: _DataSet, num_frames: int | None) -> str:
    if num_frames is None:
        return f"{data_set.title} top-1 as reported by the authors"
    clips, crops = data_set.views
    note = f"{data_set.title} top-1 as reported by the authors, {clips} clips x {crops} crops"
    return f"{note} ({data_set.accuracy_note})" if data_set.accuracy_note else note
