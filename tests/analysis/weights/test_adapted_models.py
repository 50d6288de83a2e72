"""Checkpoints of MoMa, its peers and hosts with adaptors: from a folder to an answer."""

import numpy as np
import pytest
import torch

from analysis.models import create_model
from analysis.prediction import predict_clip, read_clip
from analysis.scan_comparison.compare import compare_scans
from analysis.scan_comparison.rows import planned_rows
from analysis.weights import load_model, plan_model, weights_card
from analysis.weights.card import WeightsError
from analysis.weights.shipped import ship_checkpoint

SIZES = {"num_frames": 4, "image_size": 32}
MODELS = {
    "moma_debug": {"overrides": {"head": "linear"}, "readout": "mean"},
    "videomamba_adaptor_debug": {"overrides": {"usage": "fine_tuning"}, "readout": "mean"},
    "aim_debug": {"overrides": {}, "readout": None},
}


@pytest.fixture(autouse=True, scope="module")
def small_tensors(one_thread):
    """All tests here run in one thread."""


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """Folder of a disturbed checkpoint of each kind, and the models."""
    folder, models = tmp_path_factory.mktemp("checkpoints"), {}
    for name, facts in MODELS.items():
        torch.manual_seed(5)
        fields = {"readout": facts["readout"]} if facts["readout"] else {}
        model = create_model(name, **SIZES, **facts["overrides"], **fields).eval()
        for parameter in model.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
        entry = {
            **{"architecture": name, "tag": "tiny", "training": "toy", "data": "nothing"},
            **{"labels": None, **SIZES, **facts, "licence": "MIT"},
            "scan_order": getattr(model, "scan_order", None),
            **{"reported_accuracy": None, "accuracy_note": ""},
            "run": {"command": "none", "seed": 0},
        }
        ship_checkpoint(model.state_dict(), entry, folder)
        models[name] = model
    return folder, models


@pytest.fixture
def loaded(shipped, monkeypatch):
    """`loaded(architecture, ...)`: from the folder, as the app loads weights of its visitors."""
    monkeypatch.setenv("SCANSCOPE_CHECKPOINTS", str(shipped[0]))
    return lambda name, **setting: load_model(f"{name}.tiny", **setting)


@pytest.mark.parametrize("name", MODELS)
def test_it_answers_about_a_clip_as_the_model_that_was_saved(name, loaded, shipped, clips_folder):
    found = loaded(name)
    sampled = read_clip(next(clips_folder.glob("*.mp4")), found)
    answer = predict_clip(found, sampled, top=5)
    with torch.inference_mode():
        expected = shipped[1][name](sampled.clip[None])[0].softmax(-1)
    chances = {entry.label: entry.probability for entry in answer.predictions}
    np.testing.assert_allclose([chances[f"class {k}"] for k in range(5)], expected, rtol=1e-6)
    assert (answer.training, answer.num_frames) == ("toy", 4)
    order = {"moma_debug": "spatiotemporal_v2", "aim_debug": "fixed"}.get(name, "spatial_first")
    assert (answer.scan_order, answer.relation) == (order, "trained order")


@pytest.mark.parametrize("name", MODELS)
def test_it_is_read_at_other_sizes(name, loaded, shipped):
    found = loaded(name, num_frames=8, image_size=64)
    changed = {tensor.key: tensor.method for tensor in found.report.resized}
    tables = {
        "moma_debug": {"tower.positional_embedding": "bicubic"},
        "aim_debug": {"tower.positional_embedding": "bicubic", "temporal_embedding": "linear"},
        "videomamba_adaptor_debug": {"pos_embed": "bicubic", "temporal_pos_embedding": "linear"},
    }
    assert changed == tables[name]
    assert not found.report.missing and not found.report.unexpected
    with torch.inference_mode():
        assert found.model(torch.zeros(1, 3, 8, 64, 64)).shape == (1, 5)
    if name != "videomamba_adaptor_debug":
        old = shipped[1][name].tower.positional_embedding
        new = found.model.tower.positional_embedding
        assert torch.equal(new[0], old[0])
        # Smooth resizing keeps the mean up to what the border loses.
        torch.testing.assert_close(new[1:].mean(0), old[1:].mean(0), rtol=0, atol=0.1)


@pytest.mark.parametrize("name", ["moma_debug", "videomamba_adaptor_debug"])
def test_scan_orders_are_compared(name, loaded, clips_folder):
    found = loaded(name)
    own = found.card.scan_order
    sampled = read_clip(next(clips_folder.glob("*.mp4")), found)
    results = list(compare_scans(found, sampled, [own, "alternating"], repeats=1, budget_s=0.0))
    assert [one.relation for one in results] == ["trained order", "reordered"]
    assert results[0].divergence_bits == 0 < results[1].divergence_bits
    assert results[0].metrics.scans_per_layer == (4 if name == "moma_debug" else 2)
    assert found.model.scan_order == own


def test_models_without_an_order_to_choose_say_so(loaded, clips_folder):
    found = loaded("aim_debug")
    sampled = read_clip(next(clips_folder.glob("*.mp4")), found)
    words = "aim_debug.tiny leaves no scan order to choose"
    with pytest.raises(WeightsError, match=words):
        compare_scans(found, sampled)
    with pytest.raises(WeightsError, match=words):
        planned_rows(["spatial_first"], found.card, found.config)
    with pytest.raises(WeightsError, match="has no scan order to choose"):
        loaded("aim_debug", scan_order="spatial_first")


@pytest.mark.parametrize("name", ["vim_tiny", "vmamba_tiny", "mamba_adaptor_b1"])
def test_image_models_read_one_frame(name):
    assert plan_model(f"{name}.untrained", num_frames=1).config.num_frames is None
    with pytest.raises(WeightsError, match="reads single images; ask for 1 frame, not 8"):
        plan_model(f"{name}.untrained", num_frames=8)


def test_fresh_models_say_what_begins_as_nothing():
    assert "its modulation begins as nothing" in weights_card("moma_b16.untrained").note
    assert "adaptors begin as nothing" in weights_card("videomamba_adaptor_tiny.untrained").note
    assert "begin as nothing" not in weights_card("mamba_adaptor_b1.untrained").note
    assert weights_card("mamba_adaptor_b1.untrained").scan_order is None
