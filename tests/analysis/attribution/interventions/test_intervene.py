"""Interventions in whole models: what must not change anything, what must, and the linear guess."""

import numpy as np
import pytest
import torch

from analysis.attribution.interventions.clip_edits import (
    MaskInput,
    ReorderTime,
    reversed_time,
    shuffled_time,
)
from analysis.attribution.interventions.intervene import intervene
from analysis.attribution.interventions.scan_edits import (
    Knockout,
    PatchState,
    ScaleDelta,
    SwapDirections,
    SwitchOff,
)
from analysis.attribution.interventions.token_sets import (
    all_tokens,
    cls_token,
    frame_tokens,
    no_tokens,
    patch_token,
    region_tokens,
)
from analysis.attribution.method import AttributionError
from analysis.layers.token_grid import TokenGrid
from analysis.models import create_model
from analysis.ops.scan_order import SCAN_ORDERS

GRID = TokenGrid(3, 2, 3)
NO_OPS = {
    "nobody unheard": lambda clip: Knockout(sources=no_tokens(GRID), receivers=all_tokens(GRID)),
    "nobody listening": lambda clip: Knockout(sources=all_tokens(GRID), receivers=no_tokens(GRID)),
    "factor 1": lambda clip: ScaleDelta(tokens=all_tokens(GRID), factor=1.0),
    "no tokens scaled": lambda clip: ScaleDelta(tokens=no_tokens(GRID), factor=3.0),
    "state of the same clip": lambda clip: PatchState(other=clip, token=8),
    "frames in their order": lambda clip: ReorderTime(range(3)),
    "nothing covered": lambda clip: MaskInput(no_tokens(GRID)),
    "no layers": lambda clip: SwitchOff(layers=()),
    "no directions": lambda clip: SwapDirections(directions=()),
}
EDITS = {
    "knockout": lambda clip: Knockout(sources=frame_tokens(GRID, [1]), receivers=all_tokens(GRID)),
    "delta": lambda clip: ScaleDelta(tokens=region_tokens(GRID, rows=[0]), factor=2.0),
    "state": lambda clip: PatchState(other=clip.flip(1), token=8, layers=(1,)),
    "off": lambda clip: SwitchOff(directions=("backward",), layers=(0, 2)),
    "swap": lambda clip: SwapDirections(),
    "time": lambda clip: reversed_time(3),
    "shuffle": lambda clip: shuffled_time(3, np.random.default_rng(2)),
    "mask": lambda clip: MaskInput(frame_tokens(GRID, [0, 2]), "blur"),
}


@pytest.mark.parametrize("readout", ["cls", "mean"])
@pytest.mark.parametrize("scan_order", SCAN_ORDERS)
def test_what_does_nothing_changes_nothing(make_model, clips, scan_order, readout):
    model = make_model(depth=2, scan_order=scan_order, readout=readout)
    with torch.no_grad():
        logits = model(clips[:1])[0].numpy()
    for name, make in NO_OPS.items():
        result = intervene(model, clips[0], make(clips[0]), classes=[])
        np.testing.assert_allclose(result.logits_before, logits, rtol=1e-10)
        np.testing.assert_allclose(result.change, 0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("name", EDITS)
def test_the_linear_guess_is_the_slope(make_model, clips, name):
    """The slope at no intervention, against a step of a millionth of it."""
    from analysis.attribution.interventions.intervene import _answer

    model = make_model(scan_order="spatiotemporal_v2", readout="mean")
    clip, edit = clips[0], EDITS[name](clips[0])
    result = intervene(model, clip, edit)
    assert np.abs(result.change).max() > 1e-4
    assert result.predicted == tuple(range(5))
    with torch.no_grad():
        step = torch.tensor(1e-6, dtype=torch.float64)
        forth, back = (_answer(model, clip, edit, sign * step) for sign in (1, -1))
    np.testing.assert_allclose(
        result.linear_change, ((forth - back) / 2e-6).numpy(), rtol=1e-5, atol=1e-8
    )


def test_the_linear_guess_in_float32_is_that_of_float64(make_model, clips):
    edit = EDITS["knockout"](None)
    wide = intervene(make_model(), clips[0], edit)
    narrow = intervene(make_model().float(), clips[0].float(), edit)
    np.testing.assert_allclose(narrow.change, wide.change, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(narrow.linear_change, wide.linear_change, rtol=1e-3, atol=1e-4)


def test_cls_hears_patches_through_the_backward_scan_alone(make_model, clips):
    model = make_model(readout="cls")
    patches, last = ~cls_token(GRID), (len(model.layers) - 1,)

    def change(direction):
        edit = Knockout(
            sources=patches, receivers=cls_token(GRID), layers=last, directions=(direction,)
        )
        return np.abs(intervene(model, clips[0], edit, classes=[]).change).max()

    assert change("forward") < 1e-12
    assert change("backward") > 1e-3


def test_knocked_out_patches_of_the_last_layer_by_the_dense_matrix(make_model, clips):
    """Without its scans' patches CLS has its own diagonal and skip left: the block's output for
    it is worked out from the layer's parameters."""
    import torch.nn.functional as F

    model = make_model(readout="cls")
    edit = Knockout(sources=~cls_token(GRID), receivers=cls_token(GRID), layers=(2,))
    result = intervene(model, clips[0], edit, classes=[])
    with torch.no_grad():
        *_, (_, before) = model.run_layers(model.embed(clips[:1]))
        mixer, tokens = model.layers[2].mixer, model.layers[2].norm(before)
        x, z = mixer.in_proj(tokens)[0].split(mixer.inner_width, -1)
        y = 0
        for suffix, read in (("", x), ("_b", x.flip(0))):
            conv = mixer.get_submodule(f"conv1d{suffix}")
            u = F.silu(conv(read.T[None])[0, :, : len(read)]).T
            at = 0 if suffix == "" else len(read) - 1
            selection = mixer.get_submodule(f"x_proj{suffix}")(u[at])
            rank, B, C = selection.split([mixer.delta_rank, mixer.state_size, mixer.state_size])
            delta = F.softplus(mixer.get_submodule(f"dt_proj{suffix}")(rank))
            y = y + (delta * (B @ C) + mixer.get_parameter(f"D{suffix}")) * u[at]
        output = mixer.out_proj(y * F.silu(z[0]))
        logits = model.head(model.norm_f(before[0, 0] + output))
    np.testing.assert_allclose(result.logits_after, logits.numpy(), rtol=1e-9)


def test_reversed_time_is_the_reversed_clip(make_model, clips):
    model = make_model()
    result = intervene(model, clips[0], reversed_time(3))
    with torch.no_grad():
        expected = model(clips[:1].flip(2))[0]
    np.testing.assert_allclose(result.logits_after, expected.numpy(), rtol=1e-10)
    probabilities = expected.softmax(0).numpy()
    np.testing.assert_allclose(result.probabilities_after, probabilities, rtol=1e-10)


def test_a_covered_frame_is_zero_in_the_clip(make_model, clips):
    model = make_model(tubelet=2, num_frames=4)
    clips = torch.cat([clips, clips[:, :, :1]], dim=2)
    edit = MaskInput(frame_tokens(model.token_grid, [1]))
    covered = clips[:1].clone()
    covered[:, :, 2:] = 0
    with torch.no_grad():
        expected = model(covered)[0]
    np.testing.assert_allclose(intervene(model, clips[0], edit).logits_after, expected.numpy())


def test_swapping_both_directions_is_a_model_with_swapped_parameters(make_model, clips):
    model, swapped = make_model(), make_model()
    weights = model.state_dict()
    pairs = [("conv1d.", "conv1d_b."), ("x_proj.", "x_proj_b."), ("dt_proj.", "dt_proj_b.")]
    pairs += [("A_log", "A_b_log"), ("mixer.D", "mixer.D_b")]
    other = dict(weights)
    for name in weights:
        for own, backward in pairs:
            if backward in name:
                partner = name.replace(backward, own)
                other[name], other[partner] = weights[partner], weights[name]
    swapped.load_state_dict(other)
    with torch.no_grad():
        expected = swapped(clips[:1])[0].numpy()
    result = intervene(model, clips[0], SwapDirections())
    np.testing.assert_allclose(result.logits_after, expected, rtol=1e-10)


def test_an_image_model_can_be_asked_too():
    torch.manual_seed(0)
    model = create_model("videomamba_image_debug").eval()
    image = torch.randn(3, 16, 16)
    edit = Knockout(
        sources=patch_token(model.token_grid, 0, 1, 2), receivers=all_tokens(model.token_grid)
    )
    result = intervene(model, image, edit)
    with torch.no_grad():
        expected = model(image[None])[0].numpy()
    np.testing.assert_allclose(result.logits_before, expected, rtol=1e-4, atol=1e-6)
    assert np.abs(result.change).max() > 0


def test_of_many_classes_those_that_matter_are_predicted(make_model, clips):
    model = make_model(num_classes=40)
    result = intervene(model, clips[0], reversed_time(3))
    assert set(np.argsort(-result.logits_after)[:5]) <= set(result.predicted)
    assert len(result.linear_change) == len(result.predicted) <= 10


def test_the_model_is_left_as_it_was(make_model, clips):
    model = make_model().train()
    model.layers[1].eval()
    hooks = [len(module._forward_hooks) for module in model.modules()]
    intervene(model, clips[0], EDITS["knockout"](None))
    assert model.training and not model.layers[1].training
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert hooks == [len(module._forward_hooks) for module in model.modules()]
    assert "forward" not in vars(model.layers[0].mixer)


def test_it_works_where_gradients_are_switched_off(make_model, clips):
    model = make_model()
    with torch.inference_mode():
        result = intervene(model, clips[0], EDITS["delta"](None))
    assert np.abs(result.linear_change).max() > 0


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (lambda: SwitchOff(layers=(7,)), "no layer 7"),
        (lambda: SwitchOff(directions=("up",)), "no direction 'up'"),
        (lambda: ScaleDelta(tokens=all_tokens(GRID), factor=-1.0), "0 or more"),
        (lambda: ScaleDelta(tokens=torch.ones(3), factor=1.0), "19 true or false values"),
        (lambda: PatchState(other=torch.zeros(3, 3, 8, 8), token=0), "other clip must be"),
        (lambda: PatchState(other=torch.zeros(3, 3, 8, 12), token=19), "no token 19"),
        (lambda: ReorderTime((0, 0, 1)), "names each"),
        (lambda: MaskInput(all_tokens(GRID)), "CLS has no pixels"),
        (lambda: MaskInput(no_tokens(GRID), "noise"), "no baseline 'noise'"),
        (lambda: MaskInput(frame_tokens(GRID, [3])), "time step between 0 and 2"),
    ],
)
def test_what_does_not_fit_is_one_sentence(make_model, clips, edit, sentence):
    with pytest.raises(AttributionError, match=sentence) as raised:
        intervene(make_model(), clips[0], edit())
    assert "\n" not in str(raised.value)


def test_several_clips_at_once_are_refused(make_model, clips):
    with pytest.raises(AttributionError, match="One clip"):
        intervene(make_model(), clips, reversed_time(3))


def test_token_sets_count_what_they_name():
    assert int(frame_tokens(GRID, [0, 2]).sum()) == 12
    assert int(region_tokens(GRID, rows=[1], columns=[0, 2]).sum()) == 6
    assert patch_token(GRID, 1, 1, 2).nonzero().item() == 1 + (1 * 2 + 1) * 3 + 2
    assert cls_token(GRID).nonzero().item() == 0
