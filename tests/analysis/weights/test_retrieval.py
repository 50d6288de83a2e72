"""Video-text checkpoints as published: with and without the parts of pretraining."""

import json

import pytest
import torch
from safetensors.torch import save_file

from analysis.models import create_model
from analysis.video.preprocess import retrieval_preprocessing
from analysis.weights import WeightsError, can_classify, load_model, weights_card
from analysis.weights.hub import FOLDER_VARIABLE
from analysis.weights.retrieval import (
    list_retrieval_models,
    load_retrieval_model,
    retrieval_tensors,
)
from analysis.weights.shipped import ship_checkpoint

pytestmark = pytest.mark.usefixtures("one_thread")
NAME = "videomamba_retrieval_debug.test"
ENTRY = {
    "architecture": "videomamba_retrieval_debug",
    "family": "videomamba_retrieval",
    "tag": "test",
    "training": "toy",
    "data": "random numbers",
    "labels": None,
    "num_frames": 4,
    "image_size": 16,
    "scan_order": "spatial_first",
    "readout": None,
    "licence": "MIT",
    "reported_accuracy": None,
    "accuracy_note": "",
    "run": {"command": "none", "seed": 0},
}
PUBLISHED = ("5M", "17M", "25M")
FORMS = {
    "evaluated": {},
    "masked_words": {"masked_words": True},
    "pretrained": {"masked_words": True, "teacher": True},
}


def randomised(name):
    model = create_model(name)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.2, generator=generator)
    return model


@pytest.fixture
def pretrained():
    """A pretrained model, and its tensors as the authors' program saves them."""
    return randomised("videomamba_retrieval_debug_pretrain")


@pytest.fixture(autouse=True)
def shipped(tmp_path, monkeypatch):
    """Weights of the small architecture, by name."""
    folder = tmp_path / "checkpoints"
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    model = randomised("videomamba_retrieval_debug")
    ship_checkpoint(model.state_dict(), ENTRY, folder)
    return model


def saved(path, state):
    torch.save({"model": dict(state)}, path)
    return path


def question():
    generator = torch.Generator().manual_seed(1)
    clip = torch.randn(2, 3, 4, 16, 16, generator=generator)
    tokens = torch.randint(1, 40, (2, 6), generator=generator)
    return clip, tokens, torch.zeros(2, 6, dtype=torch.bool)


def answers(model):
    clip, tokens, padding = question()
    with torch.inference_mode():
        text, seen = model.read(tokens, padding), model.see(clip)
        return model(clip, tokens, padding), model.match(text, padding, seen.patches)


@pytest.mark.parametrize("form", FORMS)
def test_a_pretrained_file_serves_every_form(tmp_path, pretrained, form):
    file = saved(tmp_path / "pretrained.pth", pretrained.state_dict())
    loaded = load_retrieval_model(NAME, weights_file=file, **FORMS[form])
    assert not loaded.model.training
    assert (loaded.report.missing, loaded.report.unexpected) == ((), ())
    dropped = {key.split(".")[0] for key in loaded.report.dropped}
    assert (
        dropped
        == {
            "evaluated": {"clip_teacher", "text_encoder"},
            "masked_words": {"clip_teacher"},
            "pretrained": set(),
        }[form]
    )
    torch.testing.assert_close(answers(loaded.model), answers(pretrained.eval()), rtol=0, atol=0)
    if form != "evaluated":
        clip, tokens, padding = question()
        with torch.inference_mode():
            guesses = [
                model.guess_words(tokens, padding, model.see(clip).patches)
                for model in (loaded.model, pretrained)
            ]
        assert torch.equal(*guesses)
    if form == "pretrained":
        targets = [model.clip_teacher.targets(clip).targets for model in (loaded.model, pretrained)]
        assert torch.equal(*targets)


@pytest.mark.parametrize("form", ["evaluated", "masked_words"])
def test_names_without_the_level_serve_too(tmp_path, pretrained, form):
    state = {key.replace(".bert.", "."): value for key, value in pretrained.state_dict().items()}
    assert "text_encoder.embeddings.word_embeddings.weight" in state
    file = saved(tmp_path / "flat.pth", state)
    loaded = load_retrieval_model(NAME, weights_file=file, **FORMS[form])
    torch.testing.assert_close(answers(loaded.model), answers(pretrained.eval()), rtol=0, atol=0)


def test_what_others_repeat_may_be_left_out(tmp_path, pretrained):
    """As in files of safetensors, which hold no tensor twice."""
    repeated = ("position_ids", "decoder.weight", "decoder.bias")
    state = {k: v for k, v in pretrained.state_dict().items() if not k.endswith(repeated)}
    file = tmp_path / "once.safetensors"
    save_file(state, file)
    loaded = load_retrieval_model(NAME, weights_file=file, masked_words=True, teacher=True)
    assert loaded.report.missing == ()
    head = loaded.model.text_encoder.cls["predictions"].decoder.weight
    assert torch.equal(head, pretrained.bert.embeddings.word_embeddings.weight)


def test_a_model_comes_back_by_its_name(shipped):
    loaded = load_retrieval_model(NAME)
    assert loaded.labels == ()
    assert loaded.content_hash == loaded.card.sha256
    assert loaded.report.dropped == ()
    torch.testing.assert_close(answers(loaded.model), answers(shipped.eval()), rtol=0, atol=0)


def test_other_frames_sizes_and_orders(shipped):
    loaded = load_retrieval_model(NAME, num_frames=6, image_size=24, scan_order="alternating")
    config = loaded.config
    assert (config.num_frames, config.image_size, config.scan_order) == (6, 24, "alternating")
    assert loaded.preprocessing.image_size == 24
    resized = {tensor.key: tensor.to_shape for tensor in loaded.report.resized}
    assert resized == {
        "vision_encoder.pos_embed": (1, 37, 24),
        "vision_encoder.temporal_pos_embedding": (1, 6, 24),
    }
    with torch.inference_mode():
        assert loaded.model.see(torch.zeros(1, 3, 6, 24, 24)).pooled.shape == (1, 6, 24)


def test_a_teacher_is_made_to_fit(tmp_path, pretrained):
    file = saved(tmp_path / "pretrained.pth", pretrained.state_dict())
    loaded = load_retrieval_model(
        NAME, weights_file=file, masked_words=True, teacher=True, image_size=24
    )
    assert loaded.model.clip_teacher.positional_embedding.shape == (37, 24)


def test_the_three_published_files_are_known(golden_folder):
    cards = {card.tag: card for card in list_retrieval_models() if card.hub_repo}
    assert set(cards) == {f"{size}_f8_res224" for size in PUBLISHED}
    for size in PUBLISHED:
        card = cards[f"{size}_f8_res224"]
        assert card.file == f"videomamba_m16_{size}_f8_res224.pth"
        assert card.architecture == "videomamba_retrieval_middle"
        assert card.preprocessing == retrieval_preprocessing(224)
        assert not can_classify(card)
        with pytest.raises(WeightsError, match="cannot be loaded as a classifier"):
            load_model(card.name)


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        ("pretraining", {}),
        ("pretraining", {"masked_words": True}),
        ("evaluation", {}),
    ],
    ids=["pretrained_to_evaluated", "pretrained_to_masked_words", "evaluated"],
)
def test_every_published_key_finds_its_place(golden_folder, form, fields):
    """Names and shapes of the full-size files, without their 1.1 GB."""
    manifest = json.loads((golden_folder / "manifest/multimodal.json").read_text())
    keys = manifest[f"multimodal_m16_f8_res224_{form}"]["keys"]
    card = weights_card("videomamba_retrieval_middle.5M_f8_res224")
    with torch.device("meta"):
        state = {key: torch.empty(shape) for key, shape in keys.items()}
        model = create_model(card.architecture, **card.overrides, **fields)
    found = retrieval_tensors(state, model)
    assert {k: v.shape for k, v in found.items()} == {
        k: v.shape for k, v in model.state_dict().items()
    }


BAD_FILES = {
    "a_key_less": (
        lambda state: {k: v for k, v in state.items() if k != "itm_head.bias"},
        r"the file lacks itm_head\.bias",
    ),
    "a_key_more": (
        lambda state: {**state, "text_encoder.pooler.weight": torch.zeros(2)},
        r"the model has no text_encoder\.pooler\.weight",
    ),
    "other_width": (
        lambda state: {**state, "temp": torch.zeros(2)},
        r"temp is \(2,\) in the file and \(\) in the model",
    ),
    "positions_of_another_kind": (
        lambda state: {**state, "text_encoder.embeddings.position_ids": torch.zeros(1, 16)},
        r"position_ids is \(1, 16\) in the file",
    ),
    "another_model": (
        lambda state: {"head.weight": torch.zeros(2, 2)},
        "holds no video-text model: no name begins with vision_encoder",
    ),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_files_that_do_not_fit_are_one_sentence(tmp_path, shipped, case):
    change, message = BAD_FILES[case]
    file = saved(tmp_path / "bad.pth", change(shipped.state_dict()))
    with pytest.raises(WeightsError, match=message) as caught:
        load_retrieval_model(NAME, weights_file=file)
    assert "\n" not in str(caught.value)


def test_what_is_no_video_text_model_is_one_sentence():
    with pytest.raises(WeightsError, match=rf"is no video-text model; choose .*{NAME}"):
        load_retrieval_model("videomamba_mini.camera")
    with pytest.raises(WeightsError, match="There are no weights called"):
        load_retrieval_model("videomamba_retrieval_debug.tset")
    with pytest.raises(WeightsError, match=r"lacks clip_teacher\.class_embedding"):
        load_retrieval_model(NAME, teacher=True)
    with pytest.raises(WeightsError, match="can't be cut into patches of 4"):
        load_retrieval_model(NAME, image_size=15)
