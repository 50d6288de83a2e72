"""What is recorded against what the model computes, and that the model is left as it was."""

import gc
import weakref

import pytest
import torch
import torch.nn.functional as F

from analysis.models import create_model
from analysis.ops.scan_order import SCAN_ORDERS
from analysis.tracing.recorder import evaluation_mode, record, recorder

MODELS = {
    "cls": ("videomamba_debug", {}),
    "mean, tubelets": ("videomamba_debug", {"readout": "mean", "tubelet": 2}),
    "layer norm": ("videomamba_debug", {"norm": "layer"}),
    "image": ("videomamba_image_debug", {}),
}


SIZE = {"width": 8, "state_size": 3, "image_size": (8, 12)}


def make(name="videomamba_debug", dtype=torch.float32, **fields):
    """A small model with every parameter disturbed, and a clip for it."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = create_model(name, **SIZE, **fields).to(dtype)
        for parameter in model.parameters():
            parameter.data += 0.2 * torch.randn_like(parameter)
        config = model.config
        frames = () if config.num_frames is None else (config.num_frames,)
        return model, torch.randn(3, *frames, *config.frame_size, dtype=dtype)


def hooks_of(model) -> int:
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("scan_order", SCAN_ORDERS)
def test_recomputed_quantities_give_the_real_output_in_every_order(scan_order, dtype):
    """In float32 the real output comes from the fused kernels, which show nothing of their own."""
    model, clip = make(dtype=dtype, scan_order=scan_order)
    trace = record(model, clip)
    assert trace.layers == (0, 1, 2)
    for number in trace.layers:
        layer = trace.layer(number)
        error = (layer.recomputed_output() - layer.output).norm() / layer.output.norm()
        assert error < (1e-5 if dtype == torch.float32 else 1e-13)


@pytest.mark.parametrize(("name", "fields"), MODELS.values(), ids=MODELS)
def test_logits_tokens_and_residual_stream_are_the_model_s(name, fields):
    model, clip = make(name, torch.float64, **fields)
    trace = record(model, clip)
    model.eval()
    with torch.no_grad():
        torch.testing.assert_close(trace.logits, model(clip[None])[0])
        torch.testing.assert_close(trace.final_tokens, model.forward_features(clip[None])[0])
        pairs = list(model.run_layers(model.embed(clip[None])))
    for number, (hidden, residual) in enumerate(pairs):
        layer = trace.layer(number)
        torch.testing.assert_close(layer.output, hidden[0])
        torch.testing.assert_close(layer.residual, residual[0])
    torch.testing.assert_close(trace.final_residual, layer.residual + layer.output)
    assert (trace.grid, trace.readout) == (model.token_grid, model.config.readout)


def test_quantities_satisfy_the_equations_of_a_direction():
    """Analysis spec, section 1, step by step on scan order; the gate and z beside it."""
    model, clip = make(dtype=torch.float64, scan_order="spatiotemporal_v1")
    layer = record(model, clip).layer(1)
    torch.testing.assert_close(layer.gate, layer.z * torch.sigmoid(layer.z))
    assert [scan.direction for scan in layer.scans] == ["forward", "backward"]
    assert [scan.token_order for scan in layer.scans] == ["spatial_first", "temporal_first"]
    for scan in layer.scans:
        read = scan.positions
        x, c, u, dt = scan.x[read], scan.c[read], scan.u[read], scan.dt[read]
        state = torch.zeros_like(scan.A)
        for t in range(len(read)):
            taps = [scan.conv_weight[:, 3 - k] * x[t - k] for k in range(4) if t >= k]
            torch.testing.assert_close(c[t], sum(taps) + scan.conv_bias)
            torch.testing.assert_close(u[t], F.silu(c[t]))
            state = torch.exp(dt[t, :, None] * scan.A) * state
            state = state + (dt[t] * u[t])[:, None] * scan.B[read[t]]
            y = state @ scan.C[read[t]] + scan.D * u[t]
            torch.testing.assert_close(y, scan.y[read[t]])
        assert scan.dt.min() > 0 > scan.A.max()
        torch.testing.assert_close(scan.elapsed()[-1], scan.dt.sum(0))
        torch.testing.assert_close(read[scan.steps], torch.arange(len(read)))


def test_step_sizes_take_their_bias_in_once():
    model, clip = make(dtype=torch.float64)
    for layer in model.layers:
        torch.nn.init.zeros_(layer.mixer.dt_proj.weight)
        torch.nn.init.constant_(layer.mixer.dt_proj.bias, 0.7)
    forward, backward = record(model, clip).layer(0).scans
    torch.testing.assert_close(forward.dt, F.softplus(torch.full_like(forward.dt, 0.7)))
    assert backward.dt.std() > 0


def test_orders_of_a_direction_share_it():
    model, clip = make(scan_order="spatiotemporal_v2")
    layer = record(model, clip).layer(0)
    assert [scan.share for scan in layer.scans] == [0.5] * 4
    assert [scan.token_order for scan in layer.direction("backward")] == [
        "spatial_first",
        "temporal_first",
    ]


def test_the_model_is_left_as_it_was():
    model, clip = make()
    model.train()
    model.layers[1].eval()
    modes = [module.training for module in model.modules()]
    record(model, clip)
    assert hooks_of(model) == 0
    assert [module.training for module in model.modules()] == modes
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


def test_hooks_are_gone_and_modes_are_back_after_an_error():
    model, clip = make()
    model.train()
    with pytest.raises(ValueError, match="clips of shape"):
        record(model, clip[:, :2])
    with pytest.raises(KeyError), recorder(model) as recording:
        assert hooks_of(model) == 2 * 3 + 3
        assert not model.training
        model(clip[None])
        raise KeyError("something else")
    assert hooks_of(model) == 0
    assert model.training
    with pytest.raises(RuntimeError, match="nothing was recorded"):
        recording.take()


def test_several_passes_each_with_their_trace():
    model, clip = make()
    with recorder(model, [0, -1]) as recording, torch.inference_mode():
        model(clip[None])
        first = recording.take()
        model(-clip[None])
        second = recording.take()
        with pytest.raises(RuntimeError, match="run the model"):
            recording.take()
    assert first.layers == second.layers == (0, 2)
    assert not torch.equal(first.logits, second.logits)
    assert not first.layer(2).output.is_inference()


def test_memory_is_freed():
    """Tensors of a pass live as long as its trace, and no longer."""
    model, clip = make()
    with recorder(model) as recording:
        model(clip[None])
        trace = recording.take()
        kept = weakref.ref(trace.records[0].tokens)
        model(clip[None])
        waiting = weakref.ref(recording._trace.records[0].tokens)
    gc.collect()
    assert waiting() is None
    assert kept() is not None
    del trace
    gc.collect()
    assert kept() is None


def test_evaluation_mode_returns_after_an_error():
    model, _ = make()
    model.train()
    with pytest.raises(RuntimeError), evaluation_mode(model):
        assert not model.training
        raise RuntimeError
    assert model.training


@pytest.mark.parametrize(
    ("layers", "sentence"), [([3], "layers 0 to 2, not 3"), ([-4], "not -4")], ids=str
)
def test_layers_that_are_none(layers, sentence):
    model, clip = make()
    with pytest.raises(ValueError, match=sentence):
        record(model, clip, layers)


def test_what_cannot_be_traced():
    model, clip = make()
    with pytest.raises(ValueError, match="one clip at a time, got 2"):
        record(model, torch.stack([clip, clip]))
    assert hooks_of(model) == 0
    with pytest.raises(ValueError, match="layer 1 was not recorded; recorded are 0, 2"):
        record(model, clip, [0, 2]).layer(1)
    with pytest.raises(ValueError, match=r"float32 or float64 model, this one is in torch\.bf"):
        record(model.bfloat16(), clip.bfloat16())
    with pytest.raises(ValueError, match="classifiers and MoMa are traced, got Linear"):
        record(torch.nn.Linear(1, 1), clip)
