"""The published table against the model zoo's facts and the full-size key listings."""

import csv
import json
from pathlib import Path

import pytest
import torch

from analysis.models import create_model
from analysis.weights.published import HUB_REPO, published_cards

DATA = Path(__file__).parents[2] / "data"
ZOO_LINES = (DATA / "weights" / "model_zoo.csv").read_text().splitlines()
ZOO = {row["file"]: row for row in csv.DictReader(ZOO_LINES)}
MANIFEST = {
    kind: json.loads((DATA / "golden" / "manifest" / f"{kind}.json").read_text())
    for kind in ("image", "video", "pretrain", "multimodal")
}
CARDS = {card.file: card for card in published_cards()}
CLASSIFIERS = [card for card in CARDS.values() if card.labels is not None]
SIZES = {"Ti": "tiny", "S": "small", "M": "middle", "B": "base"}
CLASSES = {"imagenet1k": 1000, "k400": 400, "ssv2": 174, "breakfast": 10, "coin": 180}


def meta_model(architecture, overrides):
    with torch.device("meta"):
        return create_model(architecture, **overrides)


def test_every_file_of_the_zoo_has_one_card():
    assert CARDS.keys() == ZOO.keys()
    assert len(published_cards()) == len(CARDS) == 63
    assert len({card.name for card in CARDS.values()}) == 63
    assert len(CLASSIFIERS) == 10 + 20 + 12 + 8 + 8


@pytest.mark.parametrize("file", ZOO)
def test_card_agrees_with_the_zoo(file):
    card, row = CARDS[file], ZOO[file]
    assert card.name == f"{card.architecture}.{card.tag}"
    assert SIZES[row["size"]] in card.architecture
    assert (card.num_frames or 1) == int(row["frames"])
    assert card.image_size == card.overrides["image_size"] == int(row["resolution"])
    expected = float(row["top1_percent"]) if row["top1_percent"] else None
    assert card.reported_accuracy == expected
    assert card.preprocessing.image_size == int(row["resolution"])
    assert (card.hub_repo, card.training) == (HUB_REPO, "trained")
    assert (card.scan_order, card.readout) == ("spatial_first", "cls")
    assert card.data


@pytest.mark.parametrize("card", CLASSIFIERS, ids=lambda card: card.file)
def test_parameters_agree_with_the_zoo(card):
    assert card.overrides["num_classes"] == CLASSES[card.labels]
    model = meta_model(card.architecture, card.overrides)
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    assert millions == pytest.approx(float(ZOO[card.file]["parameters_m"]), abs=0.1)


@pytest.mark.parametrize(
    ("name", "labels", "views", "accuracy", "sampling"),
    [
        ("videomamba_image_tiny.in1k_res224", "imagenet1k", (1, 1), 76.9, "k400"),
        ("videomamba_tiny.k400_f16_res224", "k400", (4, 3), 78.1, "k400"),
        ("videomamba_middle.k400_mask_ft_f64_res224to384", "k400", (4, 3), 85.0, "k400"),
        ("videomamba_small.ssv2_f16_res224to288", "ssv2", (2, 3), 68.1, "ssv2"),
        ("videomamba_middle.ssv2_mask_ft_f16_res224to288", "ssv2", (2, 3), 71.4, "ssv2"),
        ("videomamba_small.breakfast_f64_res224", "breakfast", (4, 3), 97.4, "k400"),
        ("videomamba_middle.coin_mask_ft_f64_res224", "coin", (10, 3), 90.4, "k400"),
    ],
)
def test_well_known_rows(name, labels, views, accuracy, sampling):
    card = next(card for card in CARDS.values() if card.name == name)
    assert (card.labels, card.views, card.reported_accuracy) == (labels, views, accuracy)
    assert card.sampling == sampling


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("videomamba_tiny.k400_f8_res224", "Kinetics-400, from ImageNet-1K"),
        ("videomamba_middle.k400_mask_ft_f8_res224", "Kinetics-400, from masked pretraining"),
        (
            "videomamba_middle.coin_mask_ft_f32_res224",
            "COIN, from masked pretraining and Kinetics-400",
        ),
        ("videomamba_image_base.in1k_res224", "ImageNet-1K"),
    ],
)
def test_what_it_was_trained_on(name, data):
    assert next(card for card in CARDS.values() if card.name == name).data == data


def test_files_without_a_classifier_say_which_model_loads_them():
    others = [card for card in CARDS.values() if card.labels is None]
    assert len(others) == 5
    for card in others:
        assert "loaded by the" in card.note
        assert card.reported_accuracy is None


def variant_arguments(key, facts):
    """The create_model call for one entry of the full-size listings."""
    size = {"t": "tiny", "s": "small", "m": "middle", "b": "base"}[facts["size"]]
    options = {"image_size": facts["img_size"], "num_classes": facts["num_classes"]}
    if "num_frames" in facts:
        return f"videomamba_{size}", {**options, "num_frames": facts["num_frames"]}
    suffix = "_distill" if "distill_student" in key else ""
    return f"videomamba_image_{size}{suffix}", options


VARIANTS = [(k, f) for kind in ("image", "video") for k, f in MANIFEST[kind].items()]


@pytest.mark.parametrize(("key", "facts"), VARIANTS, ids=[key for key, _ in VARIANTS])
def test_state_dict_equals_the_published_listing(key, facts):
    architecture, options = variant_arguments(key, facts)
    model = meta_model(architecture, options)
    shapes = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    assert shapes == facts["keys"]
    assert sum(p.numel() for p in model.parameters()) == facts["n_parameters"]


def test_listings_are_complete():
    assert len(MANIFEST["image"]) == 12
    assert len(MANIFEST["video"]) == 36
