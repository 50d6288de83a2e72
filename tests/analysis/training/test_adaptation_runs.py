"""Runs of which only a part is trained: what moves, how they resume, what is kept of them."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from analysis.models import create_model
from analysis.models.class_prompts import ACTION_TEMPLATES
from analysis.models.mamba_adaptor import is_adaptor_tensor
from analysis.text.clip_words import encode_clip_texts
from analysis.training import run as training_run
from analysis.training.captioned_pictures.picture_words import vocabulary
from analysis.training.captioned_pictures.vocabulary import Vocabulary
from analysis.training.errors import TrainingError
from analysis.training.objectives.adaptation import Adaptation
from analysis.training.objectives.classification import Classification
from analysis.training.recipe import ModelChoice, Optimizer
from analysis.training.run import run_recipe
from analysis.training.shipping import ship
from analysis.training.state import STATE_FILE, start_state
from analysis.training.trainer import train
from analysis.weights import WeightsError
from analysis.weights.initial import load_initial_weights
from analysis.weights.loading import load_model
from analysis.weights.whole_clip import load_clip

MOMA = ModelChoice("moma_debug", image_size=16, switches="head=linear")
SHARED = ModelChoice("videomamba_adaptor_debug", switches="usage=fine_tuning,share=width")
CHOICES = {
    "moma": MOMA,
    "aim": ModelChoice("aim_debug", image_size=16),
    "adaptors": replace(SHARED, switches="usage=fine_tuning"),
    "shared adaptors": SHARED,
    "booster": replace(SHARED, switches="usage=booster"),
    "head alone": ModelChoice("videomamba_debug", trained="head"),
    "whole tower": ModelChoice("clip_probe_debug", image_size=16, trained="all"),
}


@pytest.fixture(autouse=True, scope="module")
def small_tensors(one_thread):
    """Nothing here is large enough for a second thread."""


def recipe_of(tiny, choice):
    objective = Adaptation() if choice.name.startswith("moma") else Classification(0.0)
    # A class token reads nothing of the last layer's other tokens.
    if choice.name.startswith("videomamba"):
        words = [choice.switches, "readout=mean"]
        choice = replace(choice, switches=",".join(filter(None, words)))
    optimizer = Optimizer(learning_rate=1e-2, mean_decay=0.997, trained_before_rate=0.1)
    return replace(tiny, model=choice, objective=objective, optimizer=optimizer)


@pytest.mark.parametrize("kind", CHOICES)
def test_two_steps_move_what_is_trained_and_nothing_else(kind, tiny, material, tmp_path):
    recipe = recipe_of(tiny, CHOICES[kind])
    before = start_state(recipe, material.labels)
    trained = {
        n for n, p in before.model.named_parameters(remove_duplicate=False) if p.requires_grad
    }
    state = train(recipe, material, tmp_path, stop_after=2)
    for model in (state.model, state.mean_model):
        old, new = before.model.state_dict(), model.state_dict()
        assert {name for name in new if not torch.equal(new[name], old[name])} == trained
    held = [p for group in state.optimizer.param_groups for p in group["params"]]
    assert {id(p) for p in held} == {id(p) for p in state.model.parameters() if p.requires_grad}
    kept = torch.load(tmp_path / STATE_FILE, weights_only=True)["trained"]
    assert kept["trained"] == sum(p.numel() for p in held)
    assert kept["parameters"] == sum(p.numel() for p in state.model.parameters())
    assert kept["percent"] == pytest.approx(100 * kept["trained"] / kept["parameters"], abs=0.01)


@pytest.mark.parametrize("kind", ["moma", "shared adaptors"])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(kind, tiny, material, tmp_path):
    recipe = recipe_of(tiny, CHOICES[kind])
    whole = train(recipe, material, tmp_path / "whole", stop_after=4)
    train(recipe, material, tmp_path / "parts", stop_after=2)
    resumed = train(recipe, material, tmp_path / "parts", stop_after=4)
    for one, other in ((whole.model, resumed.model), (whole.mean_model, resumed.mean_model)):
        for name, value in one.state_dict().items():
            assert torch.equal(value, other.state_dict()[name]), name


@pytest.fixture
def shipped_run(tiny, material, tmp_path, monkeypatch):
    """`shipped_run(kind)`: a run of two steps, its name and folder, as the app knows them."""

    monkeypatch.setattr(training_run, "CHECK_CLIPS", 8)

    def make(kind):
        recipe = replace(recipe_of(tiny, CHOICES[kind]), clips=16)
        finished = run_recipe(recipe, material, tmp_path / "run")
        name = f"{recipe.model.name}.tiny"
        ship(name, finished, "by hand", tmp_path / "shipped")
        monkeypatch.setenv("SCANSCOPE_CHECKPOINTS", str(tmp_path / "shipped"))
        return name, finished, tmp_path / "shipped"

    return make


@pytest.mark.parametrize("kind", CHOICES)
def test_shipped_weights_answer_as_the_run_did(kind, shipped_run):
    name, finished, folder = shipped_run(kind)
    loaded = load_model(name)
    clips = torch.randn(2, 3, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = finished.state.result.eval()(clips)
        torch.testing.assert_close(loaded.model(clips), expected, rtol=0, atol=0)
    assert not loaded.report.missing and not loaded.report.unexpected
    run = json.loads((folder / f"{name}.json").read_text())["run"]
    trained = sum(p.numel() for p in finished.state.model.parameters() if p.requires_grad)
    assert run["trained"]["trained"] == trained


def test_a_shared_adaptor_is_kept_once_and_found_under_all_names(shipped_run):
    name, finished, folder = shipped_run("shared adaptors")
    kept = load_file(folder / f"{name}.safetensors")
    adaptor = {key.split(".adaptor_")[0] for key in kept if is_adaptor_tensor(key)}
    assert adaptor == {"layers.0.mixer"}
    model = load_model(name).model
    assert model.layers[0].mixer.adaptor_t is model.layers[1].mixer.adaptor_t
    state = finished.state.result.state_dict()
    for key in ("layers.1.mixer.adaptor_t.gamma", "layers.1.mixer.adaptor_s.kernel_1"):
        assert torch.equal(model.state_dict()[key], state[key]) and state[key].any()


@pytest.mark.parametrize("kind", ["moma", "shared adaptors"])
def test_another_run_starts_from_what_was_shipped(kind, shipped_run):
    """A MoMa from a MoMa, a model with adaptors from one with adaptors; heads are learned anew."""
    name, finished, _ = shipped_run(kind)
    model = start_state(finished.recipe, ("a", "b", "c")).model
    fresh = model.head.weight.clone()
    load_initial_weights(model, name)
    kept = finished.state.result.state_dict()
    for key, value in model.state_dict().items():
        if not key.startswith("head."):
            assert torch.equal(value, kept[key]), key
    assert torch.equal(model.head.weight, fresh)
    same = start_state(finished.recipe, ("a", "b")).model
    load_initial_weights(same, name, keep_head=True)
    assert torch.equal(same.head.weight, kept["head.weight"])


def test_a_scan_order_is_refused_where_there_is_none(shipped_run):
    name, _, _ = shipped_run("aim")
    with pytest.raises(WeightsError, match="has no scan order to choose"):
        load_model(name, scan_order="temporal_first")


def test_a_text_head_says_the_classes_as_the_small_clip_does(tiny, material):
    """Each class is closest to the plainest sentence about it."""
    labels = ("red circle", "blue square")
    choice = ModelChoice("moma_mini", weights="clip_mini.pictures", switches="head=text")
    head = start_state(recipe_of(tiny, choice), labels).model.head
    clip = load_clip("clip_mini.pictures", "clip_mini")
    numbers = Vocabulary(vocabulary(), 24).encode(["a red circle", "a blue square"])
    with torch.inference_mode():
        texts = clip.encode_texts(torch.from_numpy(numbers))
    cosines = texts @ head.directions.T
    assert cosines.argmax(1).tolist() == [0, 1] and (cosines.diagonal() > 0.9).all()
    assert float(head.log_scale.exp()) == pytest.approx(float(clip.scale.detach()), rel=1e-5)


def test_a_text_head_says_the_classes_in_the_words_of_a_published_clip(tiny, tmp_path):
    """Each is the mean of all its sentences, whatever the sizes of the CLIP."""
    pytest.importorskip("instant_clip_tokenizer", reason="there for Python 3.11 and 3.12")
    sizes = {"vocabulary_size": 49_408, "context_length": 77, "text_heads": 1, "text_layers": 1}
    clip = create_model("clip_mini", **sizes).eval()
    source = tmp_path / "clip.safetensors"
    save_file(clip.state_dict(), source)
    labels = ("caf\u00e9 visit", "throwing an axe")
    choice = ModelChoice("moma_mini", weights=str(source), switches="head=text")
    model = start_state(recipe_of(tiny, choice), labels).model
    assert torch.equal(model.tower.proj, clip.visual.proj)
    with torch.inference_mode():
        for direction, name in zip(model.head.directions, labels, strict=True):
            texts = [template.format(name) for template in ACTION_TEMPLATES]
            mean = clip.encode_texts(encode_clip_texts(texts)).mean(0)
            torch.testing.assert_close(direction, mean / mean.norm(), rtol=0, atol=1e-5)
    assert float(model.head.log_scale.exp()) == pytest.approx(1 / 0.07, rel=1e-5)


@pytest.mark.parametrize(
    ("choice", "labels", "message"),
    [
        (ModelChoice("moma_debug"), ("red circle",), "set model.weights=clip_mini.pictures"),
        (
            ModelChoice("moma_mini", weights="clip_mini.pictures", switches="head=text"),
            ("pan left",),
            "the word 'pan' is not known",
        ),
    ],
    ids=["no texts", "unknown word"],
)
def test_a_text_head_without_texts_is_refused(tiny, choice, labels, message):
    with pytest.raises(TrainingError, match=message):
        start_state(recipe_of(tiny, choice), labels)
