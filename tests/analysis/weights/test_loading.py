"""load_model from name to answering model, and the names it knows."""

from dataclasses import replace

import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError

from analysis.models import create_model, list_models
from analysis.video.labels import label_names
from analysis.weights import catalogue, hub, list_weights, load_model, weights_card, weights_hash
from analysis.weights.card import WeightsError
from analysis.weights.shipped import ship_checkpoint, shipped_cards

ENTRY = {
    "architecture": "videomamba_mini",
    "tag": "for_tests",
    "training": "toy",
    "data": "nothing",
    "labels": "camera_moves",
    "num_frames": 8,
    "image_size": 64,
    "scan_order": "spatial_first",
    "readout": "mean",
    "licence": "MIT",
    "reported_accuracy": 11.1,
    "accuracy_note": "chance",
    "run": {"command": "none", "seed": 0},
}
SHIPPED = "videomamba_mini.for_tests"


@pytest.fixture
def shipped(monkeypatch, tmp_path):
    """A folder with one shipped checkpoint, and the model in it."""
    torch.manual_seed(5)
    model = create_model("videomamba_mini").eval()
    ship_checkpoint(model.state_dict(), ENTRY, tmp_path)
    monkeypatch.setattr(catalogue, "shipped_cards", lambda: shipped_cards(tmp_path))
    monkeypatch.setattr(hub, "SHIPPED_FOLDER", tmp_path)
    return model, tmp_path


def logits(model):
    config = model.config
    shape = (1, 3, config.num_frames, config.image_size, config.image_size)
    clip = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        return model(clip)


def test_a_shipped_model_answers_as_the_model_that_was_saved(shipped):
    model, _ = shipped
    loaded = load_model(SHIPPED)
    assert not loaded.model.training
    assert loaded.labels == label_names("camera_moves")
    assert set(loaded.report.loaded) == set(model.state_dict())
    assert loaded.content_hash == loaded.card.sha256 == weights_hash(loaded.card)
    assert loaded.preprocessing.image_size == 64
    torch.testing.assert_close(logits(loaded.model), logits(model))


def test_other_frames_resolution_and_order(shipped):
    loaded = load_model(SHIPPED, num_frames=16, image_size=96, scan_order="temporal_first")
    config = loaded.model.config
    assert (config.num_frames, config.image_size) == (16, 96)
    assert config.scan_order == "temporal_first"
    assert (loaded.card.num_frames, loaded.card.scan_order) == (8, "spatial_first")
    assert loaded.preprocessing.image_size == 96
    assert {r.key for r in loaded.report.resized} == {"pos_embed", "temporal_pos_embedding"}
    assert torch.isfinite(logits(loaded.model)).all()


def test_an_exchanged_file_is_refused(shipped):
    model, folder = shipped
    other = {key: 2 * value for key, value in model.state_dict().items()}
    kept = (folder / f"{SHIPPED}.json").read_text()
    ship_checkpoint(other, ENTRY, folder)
    (folder / f"{SHIPPED}.json").write_text(kept)
    with pytest.raises(WeightsError, match="not the file its entry describes"):
        load_model(SHIPPED)


def test_labels_must_be_as_many_as_classes(shipped):
    _, folder = shipped
    torch.manual_seed(5)
    state = create_model("videomamba_mini", num_classes=7).state_dict()
    ship_checkpoint(state, {**ENTRY, "overrides": {"num_classes": 7}}, folder)
    with pytest.raises(WeightsError, match="has 7 classes, but the label order camera_moves"):
        load_model(SHIPPED)


def test_untrained_weights_are_the_same_every_time_and_leave_the_generator_alone():
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    first = load_model("videomamba_mini.untrained")
    assert torch.equal(torch.rand(3), expected)
    second = load_model("videomamba_mini.untrained")
    for (key, a), b in zip(
        first.model.state_dict().items(), second.model.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b), key
    assert first.labels == tuple(f"class {i}" for i in range(first.model.config.num_classes))
    assert set(first.report.missing) == set(first.model.state_dict())
    assert first.card.training == "untrained"
    assert first.content_hash == second.content_hash


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_of_ones_own_brings_its_sizes(tmp_path, suffix):
    torch.manual_seed(5)
    model = create_model("videomamba_mini", num_classes=5, num_frames=16, image_size=96).eval()
    path = tmp_path / f"mine{suffix}"
    if suffix == ".pth":
        torch.save({"model": model.state_dict()}, path)
    else:
        from safetensors.torch import save_file

        save_file(model.state_dict(), path)
    loaded = load_model("videomamba_mini.untrained", weights_file=path)
    assert loaded.card.name == "videomamba_mini.mine"
    assert (loaded.card.num_frames, loaded.card.image_size) == (16, 96)
    assert "of your own" in loaded.card.data
    assert loaded.labels == tuple(f"class {i}" for i in range(5))
    assert loaded.report.resized == ()
    torch.testing.assert_close(logits(loaded.model), logits(model))


def shallow(card):
    """The same card for a model of two layers, which is quicker to build."""
    return replace(card, overrides={**card.overrides, "depth": 2})


def test_a_published_checkpoint_through_the_hub(monkeypatch, tmp_path):
    card = shallow(weights_card("videomamba_tiny.k400_f8_res224"))
    monkeypatch.setattr(catalogue, "published_cards", lambda: (card,))
    state = create_model(card.architecture, **card.overrides).state_dict()
    torch.save(state, tmp_path / card.file)
    monkeypatch.setenv(hub.FOLDER_VARIABLE, str(tmp_path / "nothing"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", lambda url, timeout: None)
    monkeypatch.setattr(
        "huggingface_hub.hf_hub_download",
        lambda repo, file, tqdm_class: str(tmp_path / file),
    )
    loaded = load_model(card.name, num_frames=16)
    assert loaded.labels == label_names("k400")
    assert [r.key for r in loaded.report.resized] == ["temporal_pos_embedding"]
    assert loaded.card.reported_accuracy == 76.9


def test_an_image_model_can_be_given_frames(monkeypatch, tmp_path):
    card = shallow(weights_card("videomamba_image_tiny.untrained"))
    monkeypatch.setattr(catalogue, "untrained_cards", lambda: (card,))
    options = {"num_classes": 4, "image_size": 64, "depth": 2}
    torch.manual_seed(5)
    torch.save(create_model("videomamba_image_tiny", **options).state_dict(), tmp_path / "i.pth")
    loaded = load_model(
        "videomamba_image_tiny.untrained", weights_file=tmp_path / "i.pth", num_frames=2
    )
    assert loaded.model.config.num_frames == 2
    assert loaded.card.architecture == "videomamba_tiny"
    assert "never learned motion" in loaded.card.note
    resized = [r.key for r in loaded.report.resized]
    assert resized == ["patch_embed.proj.weight", "temporal_pos_embedding"]


def test_offline_says_how_to_place_the_file(monkeypatch, tmp_path):
    monkeypatch.setenv(hub.FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))

    def refuse(*args, **kwargs):
        raise LocalEntryNotFoundError("offline")

    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", refuse)
    with pytest.raises(
        WeightsError, match=r"no connection to the hub.*place it as .*f8_res224\.pth"
    ):
        load_model("videomamba_tiny.k400_f8_res224")


BAD_REQUESTS = {
    "misspelt": ("videomamba_tiny.k400_f8_res225", {}, "videomamba_tiny.k400_f8_res224"),
    "far_off": ("resnet", {}, "no weights called 'resnet'"),
    "student": (
        "videomamba_student_middle.k400_mask_pt_f8_res224",
        {},
        "cannot be loaded as a classifier: Masked-pretraining student",
    ),
    "odd_size": ("videomamba_mini.untrained", {"image_size": 63}, "63"),
    "no_frames": ("videomamba_mini.untrained", {"num_frames": 0}, "0"),
    "order": ("videomamba_mini.untrained", {"scan_order": "spatial_fist"}, "spatial_first"),
    "no_file": ("videomamba_mini.untrained", {"weights_file": "gone.pth"}, "gone.pth cannot be"),
}


@pytest.mark.parametrize("case", BAD_REQUESTS)
def test_bad_requests_get_one_sentence(case):
    name, options, reason = BAD_REQUESTS[case]
    with pytest.raises(WeightsError) as caught:
        load_model(name, **options)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_list_is_complete_and_ordered():
    cards = list_weights()
    names = [card.name for card in cards]
    assert len(set(names)) == len(names)
    for architecture in list_models("videomamba"):
        if not architecture.endswith(("_debug", "_distill")):
            assert f"{architecture}.untrained" in names
    assert not any("debug" in name for name in names)
    without_training = [card.name for card in cards if card.training == "untrained"]
    teachers = ("clip_", "videomamba_student_mini")
    assert not any(name.startswith(teachers) for name in without_training)
    tiny = weights_card("videomamba_tiny.untrained")
    assert (tiny.num_frames, tiny.image_size, tiny.training) == (8, 224, "untrained")
    kinds = [
        "published" if c.hub_repo else "untrained" if c.file is None else "shipped" for c in cards
    ]
    assert kinds == sorted(kinds, key=["shipped", "untrained", "published"].index)


def test_hashes_follow_content(tmp_path):
    path = tmp_path / "w.pth"
    path.write_bytes(b"one")
    card = weights_card("videomamba_tiny.untrained")
    first = weights_hash(card, path)
    path.write_bytes(b"two and more")
    assert weights_hash(card, path) != first
    others = {
        weights_hash(weights_card(f"videomamba_{size}.untrained")) for size in ("tiny", "small")
    }
    assert len(others) == 2
    absent = replace(card, training="trained", file="absent.pth")
    with pytest.raises(WeightsError, match=r"absent\.pth is not on this machine yet"):
        weights_hash(absent)
