"""A CLIP file by itself as a MoMa, against the CLIP and by the words of the definition."""

import json
import math
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from analysis.models import create_model, model_config
from analysis.models.class_prompts import ACTION_TEMPLATES
from analysis.text.clip_words import encode_clip_texts
from analysis.video.labels import label_names
from analysis.weights import WeightsError, load_model
from analysis.weights.clip_layouts import tower_tensors

# The tower of moma_mini on 32 pixels: four by four patches, which is one window.
TEXTS = {"vocabulary_size": 49_408, "context_length": 77, "text_width": 64, "text_layers": 1}
FIELDS = {"image_size": 32, "text_heads": 1, **TEXTS}


@pytest.fixture(autouse=True, scope="module")
def small_tensors(one_thread):
    """Nothing here is large enough for a second thread."""


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def clip():
    """A random one with another activation than OpenAI's."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tower = replace(model_config("clip_mini", image_size=32).tower, activation="gelu")
        model = create_model("clip_mini", tower=tower, text_heads=1, **TEXTS).eval()
        for parameter in model.parameters():
            parameter.data.normal_(std=0.2)
        model.logit_scale.data.fill_(2.0)
    return model


@pytest.fixture(scope="module")
def path(clip, tmp_path_factory):
    """Its file, beside which stands what its tensors do not tell."""
    pytest.importorskip("instant_clip_tokenizer", reason="there for Python 3.11 and 3.12")
    folder = tmp_path_factory.mktemp("clip")
    save_file(clip.state_dict(), folder / "clip.safetensors")
    model = {"vision_cfg": {"head_width": 32}, "text_cfg": {"heads": 1}, "quick_gelu": False}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": model}))
    return folder / "clip.safetensors"


def test_it_answers_as_the_clip_does_where_one_window_holds_a_frame(clip, path):
    """Each class is the mean direction of its sentences; a clip that stands still is a picture."""
    loaded = load_model("moma_mini.untrained", weights_file=path)
    assert (loaded.model.config.tower.activation, loaded.model.config.image_size) == ("gelu", 32)
    assert loaded.labels == label_names("k400") and len(loaded.labels) == 400
    pictures = torch.randn(2, 3, 32, 32, generator=seeded(1))
    with torch.inference_mode():
        logits = loaded.model(pictures[:, :, None].expand(-1, -1, 8, -1, -1))
        for number in (0, 57, 399):
            texts = [template.format(loaded.labels[number]) for template in ACTION_TEMPLATES]
            mean = clip.encode_texts(encode_clip_texts(texts)).mean(0)
            cosines = clip.encode_pictures(pictures) @ (mean / mean.norm())
            expected = math.e**2 * cosines
            torch.testing.assert_close(logits[:, number], expected, rtol=1e-4, atol=1e-4)


def test_what_is_said_of_it_is_what_became_of_it(path):
    loaded = load_model("moma_mini.untrained", weights_file=path, image_size=48)
    card, report = loaded.card, loaded.report
    assert (card.training, card.labels, card.readout) == ("zero-shot", "k400", "cls")
    assert "scans are untrained" in card.note and "learned no class" in card.note
    # As in the preprocessor_config.json of the published CLIPs.
    assert card.preprocessing.mean == (0.48145466, 0.4578275, 0.40821073)
    assert card.preprocessing.std == (0.26862954, 0.26130258, 0.27577711)
    changed = {tensor.key: tensor.method for tensor in report.resized}
    assert changed.pop("tower.positional_embedding") == "bicubic"
    assert set(changed) == {"head.directions", "head.log_scale"}
    assert report.missing and all(key.startswith("modulators.") for key in report.missing)
    assert all(key.startswith("tower.") for key in report.loaded) and not report.unexpected
    known = {*report.loaded, *report.missing, "tower.positional_embedding", *changed}
    assert known == set(loaded.model.state_dict())
    assert {"ln_final.weight", "token_embedding.weight", "logit_scale"} < set(report.dropped)
    assert not any(key.startswith("visual.") for key in report.dropped)


@pytest.mark.parametrize("texts", ["none", "of other words"])
def test_without_texts_in_clips_words_the_head_stays_random_and_says_so(tmp_path, texts):
    model = create_model("clip_mini", image_size=32)
    state = (model.visual if texts == "none" else model).state_dict()
    (stem,) = (key for key in state if key.endswith("conv1.weight"))
    # As OpenAI saves one: in half precision, with a stem for pictures.
    state[stem] = state[stem][:, :, 0]
    path = tmp_path / "clip.safetensors"
    save_file({key: value.half().contiguous() for key, value in state.items()}, path)
    loaded = load_model("moma_mini.untrained", weights_file=path)
    assert loaded.card.training == "untrained" and loaded.labels[0] == "class 0"
    assert "the head is random" in loaded.card.note and "begin as nothing" in loaded.card.note
    assert {"head.weight", "head.bias"} < set(loaded.report.missing)
    stored = tower_tensors(load_file(path))
    assert torch.equal(loaded.model.tower.proj, stored["proj"].float())
    assert not loaded.report.unexpected and not loaded.report.resized


FAULTS = {
    "no tower": (lambda state: {"layers.0": torch.zeros(2)}, "holds no visual tower"),
    "half a text tower": (
        lambda state: {k: v for k, v in state.items() if "ln_final" not in k},
        "lacks ln_final",
    ),
    "another width": (
        lambda state: {**state, "visual.proj": torch.zeros(3, 64)},
        r"tower.proj is \(3, 64\)",
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_files_that_do_not_fit_are_one_sentence(tmp_path, case):
    change, message = FAULTS[case]
    path = tmp_path / "clip.safetensors"
    save_file(change(create_model("clip_mini", **FIELDS).state_dict()), path)
    with pytest.raises(WeightsError, match=message) as caught:
        load_model("moma_mini.untrained", weights_file=path)
    assert "\n" not in str(caught.value)
