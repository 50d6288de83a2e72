"""Which parameters learn slower, and which are not pulled towards zero."""

import pytest
import torch

from analysis.models import create_model
from analysis.training.layer_decay import parameter_depth, parameter_groups


@pytest.fixture(scope="module")
def model():
    return create_model("videomamba_debug", depth=3)


def by_name(model, groups, key):
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {names[id(p)]: group[key] for group in groups for p in group["params"]}


def test_every_parameter_is_in_one_group(model):
    groups = parameter_groups(model, 0.05, 0.8, "layers")
    grouped = [parameter for group in groups for parameter in group["params"]]
    assert {id(p) for p in grouped} == {id(p) for p in model.parameters()}
    assert len(grouped) == len({id(p) for p in grouped})
    torch.optim.AdamW(groups, lr=1e-3)


def test_published_decay_reaches_stem_and_tables_only(model):
    scales = by_name(model, parameter_groups(model, 0.05, 0.8, "tables"), "lr_scale")
    slow = {name for name, scale in scales.items() if scale != 1.0}
    assert slow == {"cls_token", "pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias"}
    assert {scales[name] for name in slow} == {0.8**4}


@pytest.mark.parametrize(
    ("name", "away"),
    [
        ("cls_token", 4),
        ("pos_embed", 4),
        ("temporal_pos_embedding", 4),
        ("patch_embed.proj.weight", 4),
        ("layers.0.mixer.A_log", 3),
        ("layers.0.norm.weight", 3),
        ("layers.1.mixer.in_proj.weight", 2),
        ("layers.2.mixer.out_proj.weight", 1),
        ("norm_f.weight", 0),
        ("head.weight", 0),
        ("head.bias", 0),
    ],
)
def test_decay_by_layers(model, name, away):
    scales = by_name(model, parameter_groups(model, 0.05, 0.5, "layers"), "lr_scale")
    assert scales[name] == 0.5**away


def test_without_decay_there_are_two_groups_at_full_rate(model):
    groups = parameter_groups(model, 0.05)
    assert [group["lr_scale"] for group in groups] == [1.0, 1.0]
    assert {group["weight_decay"] for group in groups} == {0.05, 0.0}


def test_weight_decay_is_for_weight_matrices(model):
    decays = by_name(model, parameter_groups(model, 0.05, 0.75, "layers"), "weight_decay")
    for name, parameter in model.named_parameters():
        matrix = name.endswith(".weight") and parameter.ndim >= 2
        assert decays[name] == (0.05 if matrix else 0.0), name


def test_frozen_parameters_are_left_out():
    model = create_model("videomamba_debug")
    model.pos_embed.requires_grad_(False)
    groups = parameter_groups(model, 0.05, 0.8)
    assert all(p is not model.pos_embed for group in groups for p in group["params"])


def test_an_unknown_reach_is_refused():
    with pytest.raises(ValueError, match='Got reaches "blocks"; use "tables" or "layers"'):
        parameter_depth("head.weight", 3, "blocks")
