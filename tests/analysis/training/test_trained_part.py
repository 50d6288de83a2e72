"""What is trained: by choice, by share, at which rate, and with or without weight decay."""

import pytest
import torch

from analysis.models import create_model
from analysis.training.errors import RecipeError
from analysis.training.layer_decay import parameter_groups
from analysis.training.recipe import ModelChoice
from analysis.training.recipes import make_recipe
from analysis.training.switches import read_switches
from analysis.training.trained_part import choose_trained, is_added, trained_share


def on_meta(name, **fields):
    with torch.device("meta"):
        return create_model(name, **fields)


def groups_of(name, key, **fields):
    model = on_meta(name, **fields)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = parameter_groups(model, 0.05, trained_before_rate=0.1)
    return {names[id(p)]: group[key] for group in groups for p in group["params"]}


def test_the_head_alone_or_all():
    model = on_meta("moma_debug", head="linear")
    choose_trained(model, "head")
    assert {n for n, p in model.named_parameters() if p.requires_grad} == {
        "head.weight",
        "head.bias",
    }
    choose_trained(model, "all")
    assert all(p.requires_grad for p in model.parameters())


def test_shared_adaptors_count_once():
    # E = 48, S = K = 2, two dilations: 48 (2 * 4 + 1 + 18) + 8 by the specification's formula.
    model = on_meta("videomamba_adaptor_debug", usage="fine_tuning", share="all")
    share, head = trained_share(model), model.head
    adaptor = share.trained - sum(p.numel() for p in head.parameters())
    assert model.layers[0].mixer.inner_width == 48 and adaptor == 48 * (2 * 4 + 1 + 18) + 8
    assert share.parameters == sum(p.numel() for p in model.parameters())
    assert share.as_dict()["percent"] == round(100 * share.trained / share.parameters, 2)


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("mamba_adaptor_debug", {}),
        ("videomamba_adaptor_debug", {"usage": "booster"}),
        ("moma_debug", {"temporal_embedding": True, "head": "linear"}),
    ],
)
def test_weight_decay_is_for_matrices_and_kernels_alone(model, fields):
    decays = groups_of(model, "weight_decay", **fields)
    decayed = {name.split(".")[-1] for name, decay in decays.items() if decay}
    matrices = {"weight", "place_weight", "coefficient_weight", "kernel_0", "kernel_1"}
    assert decayed <= matrices | {"x_proj_weight", "dt_projs_weight"}
    spared = {name.split(".")[-1] for name, decay in decays.items() if not decay}
    expected = {
        "mamba_adaptor_debug": {"A_logs", "Ds", "dt_projs_bias", "anchors", "gamma"},
        "videomamba_adaptor_debug": {"A_log", "A_b_log", "D", "D_b", "anchors", "gamma"},
        "moma_debug": {"A_log", "D", "temporal_embedding", "bias"},
    }
    assert spared >= expected[model]


def test_what_was_trained_before_learns_slower():
    scales = groups_of("videomamba_adaptor_debug", "lr_scale", usage="booster")
    assert {name for name, scale in scales.items() if scale == 1.0} == set(filter(is_added, scales))
    assert scales["layers.0.mixer.in_proj.weight"] == 0.1
    assert scales["head.weight"] == scales["layers.1.mixer.adaptor_t.gamma"] == 1.0


def test_a_vision_encoder_learns_slower_than_what_reads_beside_it():
    scales = groups_of("videomamba_retrieval_debug", "lr_scale")
    slower = {name for name, scale in scales.items() if scale == 0.1}
    assert slower == {name for name in scales if name.startswith("vision_encoder.")}
    assert "vision_encoder.temporal_pos_embedding" in slower and "temp" not in slower


@pytest.mark.parametrize(
    ("text", "switches"),
    [
        ("", {}),
        ("fusion=add", {"fusion": "add"}),
        ("window=None,gate=True", {"window": None, "gate": True}),
        ("dilations=(1,2),share=width", {"dilations": (1, 2), "share": "width"}),
        ("window=(2, 8, 8), inner_width=3", {"window": (2, 8, 8), "inner_width": 3}),
    ],
)
def test_switches_as_they_are_typed(text, switches):
    assert read_switches(text) == switches


def test_switches_reach_the_model():
    recipe = make_recipe("moma_mini.camera", ["model.switches=fusion=add,window=None"])
    overrides = recipe.model.overrides()
    assert (overrides["fusion"], overrides["window"]) == ("add", None)


@pytest.mark.parametrize("switches", ["fusion", "fusion=mix", "colour=red"])
def test_switches_that_do_not_fit_are_one_sentence(switches):
    with pytest.raises(RecipeError, match=r"model\.switches is .*fields of moma_mini"):
        ModelChoice("moma_mini", switches=switches)
    with pytest.raises(RecipeError, match=r"model\.trained"):
        ModelChoice("moma_mini", trained="some")
