"""MoMa's scans taken apart: exact in float64, whatever they read; the model is left as found."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from analysis.attribution.exact.block_matrix import block_matrix
from analysis.attribution.exact.frozen_scan import LEVELS, FrozenScan
from analysis.attribution.exact.groups import group_contributions
from analysis.attribution.exact.pooled import pooled_contributions
from analysis.attribution.exact.readout import class_direction
from analysis.attribution.exact.rows import hidden_attention_row, row_contributions
from analysis.attribution.exact.scores import scores
from analysis.attribution.exact.token_map import MapQuestion, Subject, subject_weights, token_map
from analysis.attribution.memory.layer_memory import layer_memory
from analysis.attribution.memory.receptive_field import receptive_field
from analysis.attribution.method import AttributionError
from analysis.layers.token_grid import ClassFreeGrid
from analysis.models import create_model, model_config
from analysis.models.clip_tower import ClipTowerConfig
from analysis.models.moma_config import FUSIONS
from analysis.tracing.opened_models import ADDING_FUSIONS, TracingError, check_traced
from analysis.tracing.recorder import record
from analysis.tracing.token_positions import frame_groups

ODD = ClipTowerConfig((16, 24), 8, width=16, layers=2, heads=2, output_dim=8)
"""Two rows of three patches."""

MODELS = {
    "shared": {},
    "own sets": {"share_scans": False},
    "forward alone": {"scans": ("temporal_first",), "bidirectional": False},
    "columns": {"scans": ("column_first", "boustrophedon")},
    "plan": {"scan_order": "spatiotemporal_v1"},
    "half plan": {"scan_order": "half_spatial_half_temporal"},
    "gate": {"gate": True},
    "class tokens": {"cls_mode": "frame", "readout": "cls"},
}


def make(**fields):
    """A small MoMa in float64 with every parameter of its scans disturbed, and a clip."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        fields = {"num_frames": 3, "tower": ODD, "state_size": 3, **fields}
        model = create_model("moma_debug", **fields).double()
        for parameter in model.modulators.parameters():
            parameter.data += 0.2 * torch.randn_like(parameter)
        return model, torch.randn(3, 3, 16, 24, dtype=torch.float64)


def ran(model, clip):
    """What every set of parameters was given and gave, by layer, as (paths, L, E) in scan order."""
    seen = [[] for _ in model.modulators]
    handles = [
        scan.register_forward_hook(
            lambda _, inputs, output, layer=layer: layer.append((inputs[0], output))
        )
        for layer, modulator in zip(seen, model.modulators, strict=True)
        for scan in modulator.ssm.scans
    ]
    with torch.no_grad():
        model.eval()(clip[None])
    for handle in handles:
        handle.remove()
    return [[torch.cat(parts) for parts in zip(*layer, strict=True)] for layer in seen]


@pytest.mark.parametrize("fields", MODELS.values(), ids=MODELS)
def test_the_linear_form_of_every_path_gives_the_scan_s_own_output(fields):
    """The closed form of hidden attention on u, and the frozen scan on what the scan was given."""
    model, clip = make(**fields)
    real = ran(model, clip)
    trace = record(model, clip)
    assert trace.grid == ClassFreeGrid(3, 2, 3) and trace.layers == tuple(range(len(real)))
    for number, (given, output) in enumerate(real):
        layer, paths = trace.layer(number), model.modulators[number].ssm.paths
        assert len(layer.scans) == len(paths) == len(given)
        for scan in layer.scans:
            path = paths.index((scan.token_order, scan.direction == "backward"))
            read = scan.positions
            rows = [hidden_attention_row(scan, step) for step in range(18)]
            y = torch.stack([(row * scan.u[read[: len(row)]]).sum(0) for row in rows])
            y = y + scan.D * scan.u[read]
            torch.testing.assert_close(y, output[path], rtol=1e-10, atol=1e-12)
            frozen = FrozenScan(scan, "pre_conv")
            torch.testing.assert_close(frozen.sources[read], given[path], rtol=1e-12, atol=1e-14)
            parts = frozen.respond(torch.eye(18, dtype=torch.float64))
            y = (parts.sum(0) + frozen.bias())[read]
            torch.testing.assert_close(y, output[path], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("fusion", ADDING_FUSIONS)
@pytest.mark.parametrize("name", ["shared", "gate", "forward alone"])
def test_contributions_add_up_to_what_the_model_added(name, fusion):
    model, clip = make(fusion=fusion, **MODELS[name])
    before, after = [step for step in _steps(model, clip) if step.kind != "think"][1:3]
    layer = record(model, clip, [0]).layer(0)
    real = (after.patches - before.patches)[0].flatten(0, 2)
    torch.testing.assert_close(layer.output, real)
    torch.testing.assert_close(layer.recomputed_output(), real)
    weights = torch.linspace(0, 1, 18, dtype=torch.float64)
    assert block_matrix(layer).completeness_error < 1e-12
    for level in LEVELS:
        rows = [row_contributions(layer, token, level=level) for token in range(18)]
        pooled = pooled_contributions(layer, weights, level=level)
        groups = group_contributions(layer, frame_groups(layer.grid), level=level)
        for found in (*rows, pooled, groups):
            assert found.completeness_error < 1e-12
        vectors = torch.stack([row.vectors for row in rows])
        expected = torch.einsum("t,tdsw->dsw", weights, vectors)
        torch.testing.assert_close(pooled.vectors, expected, rtol=1e-9, atol=1e-12)
        first = torch.stack([row.vectors[:, :6].sum(1) for row in rows], 1)
        torch.testing.assert_close(groups.vectors[:, 0], first, rtol=1e-9, atol=1e-12)


def _steps(model, clip):
    with torch.no_grad():
        return list(model.eval().steps(clip[None]))


def test_a_contribution_goes_through_norm_and_projection_to_scale_and_bias():
    """By hand: the norm's denominator is that of the real sum, its bias and those behind are no
    source's; what comes out as scale multiplies the receiver."""
    model, clip = make()
    layer = record(model, clip).layer(1)
    ssm, receiver, source = model.modulators[1].ssm, 4, 7
    inner = row_contributions(layer, receiver, level="pre_conv").vectors.sum(0)
    whole = layer.inner_output[receiver]
    spread = (whole.var(correction=0) + ssm.merge_norm.eps).sqrt()
    normed = ssm.merge_norm.weight * (inner[source] - inner[source].mean()) / spread
    scale, bias = (normed @ ssm.out_proj.weight.T).chunk(2)
    found = row_contributions(layer, receiver).vectors.sum(0)[source]
    expected = scale * layer.residual[receiver] + bias
    torch.testing.assert_close(found, expected.detach(), rtol=1e-10, atol=1e-13)


def test_a_logit_has_no_shares_in_moma():
    model, clip = make()
    with pytest.raises(AttributionError, match="Frozen perceptrons stand between"):
        class_direction(model, record(model, clip), 0)


@pytest.mark.parametrize("subject", [Subject("readout"), Subject("frame", 1)])
def test_shares_of_a_pooled_output_are_those_of_its_vectors(subject):
    model, clip = make()
    layer = record(model, clip).layer(0)
    found = token_map(layer, MapQuestion(subject, score="signed_share"), "mean")
    assert found.completeness_error < 1e-12
    pooled = pooled_contributions(layer, subject_weights(layer.grid, subject, "mean"))
    expected = scores(pooled.vectors.sum(0), pooled.total, "signed_share")
    np.testing.assert_allclose(found.values.flatten(), expected.float(), rtol=1e-5, atol=1e-7)
    assert found.bias_share == pytest.approx(pooled.bias_share)
    assert found.output_size == pytest.approx(float(pooled.total.norm()))


def test_maps_and_memory_stand_on_a_grid_without_cls():
    model, clip = make()
    layer = record(model, clip).layer(0)
    assert layer.directions == ("forward", "backward")
    assert [scan.direction for scan in layer.scans] == ["forward"] * 2 + ["backward"] * 2
    found = token_map(layer, MapQuestion(Subject("token", 17), score="signed_share"), "mean")
    assert found.settings["subject"] == "2,1,2" and found.cls_value is None
    assert found.values.sum() + found.bias_share == pytest.approx(1)
    assert found.frame_shares[:, -1].tolist() == [0, 0]
    memory = layer_memory(layer)
    forward = torch.stack([scan.dt.mean(1) for scan in layer.scans[:2]]).mean(0)
    assert memory.delta[0].flatten() == pytest.approx(forward.float().numpy())
    assert memory.paths.gate is None
    one_way = record(*make(**MODELS["forward alone"])).layer(0)
    memory = layer_memory(one_way)
    assert memory.delta.shape == (1, 3, 2, 3) and memory.paths.forward_share == 1
    with pytest.raises(AttributionError, match="no backward scan"):
        memory.delta_of("backward")


def test_the_field_of_a_token_is_the_slope_of_its_features():
    model, clip = make()
    found = receptive_field(model, [clip])
    assert found.token == 6 + 3 + 1  # the middle: frame 1, row 1, column 1

    def features(moved):
        with torch.no_grad():
            return model.eval().forward_features(moved[None])[0, 1, 1, 1].sum()

    step = torch.zeros_like(clip)
    slope = 0
    for colour in range(3):
        step.zero_()[colour, 2, 3, 20] = 1e-5
        slope += abs(features(clip + step) - features(clip - step)) / 2e-5
    assert found.pixels[2, 3, 20].item() == pytest.approx(slope.item(), rel=1e-4)


def test_the_model_is_left_as_it_was():
    model, clip = make()
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    asked = [parameter.requires_grad for parameter in model.parameters()]
    paths = [modulator.ssm.paths for modulator in model.modulators]
    record(model, clip).layer(0)
    assert all(module.training for module in model.modules())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert [parameter.requires_grad for parameter in model.parameters()] == asked
    assert all(parameter.grad is None for parameter in model.parameters())
    assert [modulator.ssm.paths for modulator in model.modulators] == paths
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_a_trace_keeps_the_paths_of_its_pass():
    model, clip = make()
    trace = record(model, clip)
    model.set_scan_order("temporal_first")
    assert {scan.token_order for scan in trace.layer(0).scans} == {
        "spatial_first",
        "temporal_first",
    }
    torch.testing.assert_close(trace.layer(0).recomputed_output(), trace.records[0].output)


@pytest.mark.parametrize("fusion", sorted(set(FUSIONS) - set(ADDING_FUSIONS)))
def test_fusions_that_add_nothing_token_by_token_are_refused(fusion):
    with pytest.raises(TracingError, match=rf"^It follows what MoMa.* {fusion} adds.*\.$"):
        check_traced(model_config("moma_debug", fusion=fusion), "It")


def test_the_traced_activation_is_gelu():
    layer = record(*make()).layer(0)
    for scan in layer.scans:
        torch.testing.assert_close(scan.u, F.gelu(scan.c), rtol=0, atol=0)
        torch.testing.assert_close(scan.slope * scan.c, scan.u, rtol=1e-12, atol=1e-15)
