"""Units, baselines, and what a model says once something is gone."""

import numpy as np
import pytest
import torch

from analysis.attribution.faithfulness.baselines import BASELINES, baseline_clip
from analysis.attribution.faithfulness.removal import Removal, fitting_removals
from analysis.attribution.faithfulness.units import region_units, units_of
from analysis.attribution.method import AttributionError
from analysis.layers.token_grid import TokenGrid
from analysis.models import create_model
from analysis.ops.scan_order import SCAN_ORDERS

GRID = TokenGrid(2, 3, 3)


def test_units_cover_their_pixels():
    frames = units_of("frames", GRID)
    gone = np.array([[False, True]])
    pixels = frames.pixels(gone, 4, 6, 6)
    assert pixels.shape == (1, 4, 6, 6)
    assert not pixels[0, :2].any() and pixels[0, 2:].all()
    tubelets = units_of("tubelets", GRID)
    assert tubelets.count == 18
    one = np.zeros((1, 18), bool)
    one[0, (1 * 3 + 2) * 3 + 1] = True  # time step 1, row 2, column 1
    where = np.argwhere(tubelets.pixels(one, 4, 6, 6)[0])
    assert where.min(0).tolist() == [2, 4, 2] and where.max(0).tolist() == [3, 5, 3]


def test_sums_of_a_map_by_unit():
    values = np.arange(18.0).reshape(2, 3, 3)
    np.testing.assert_array_equal(units_of("frames", GRID).sums(values), [36, 117])
    halves = region_units(np.stack([np.zeros((3, 3), int), np.tri(3, dtype=int)]))
    assert halves.sums(values)[0] + halves.sums(values)[1] == values.sum()
    with pytest.raises(AttributionError, match="2 x 3 x 3"):
        units_of("frames", GRID).sums(np.zeros((3, 3, 2)))


@pytest.mark.parametrize("kind", ["tubelets", "frames"])
def test_scores_of_a_linear_model(linear_model, linear_clips, kind):
    clip, units = linear_clips[0], units_of(kind, GRID)
    removal = Removal(linear_model, clip, 0, units, score="logit", batch_size=3)
    removed = np.random.default_rng(0).random((11, units.count)) < 0.5
    terms = units.sums(linear_model.unit_terms(clip, 0))
    expected = 0.3 + (~removed) @ terms
    np.testing.assert_allclose(removal.scores(removed), expected, rtol=1e-9)
    np.testing.assert_allclose(removal.drops(removed), removed @ terms, atol=1e-9)


def test_probability_is_the_softmax(linear_model, linear_clips):
    removal = Removal(linear_model, linear_clips[0], 1, units_of("frames", GRID))
    whole = removal.scores(np.zeros((1, 2), bool))
    expected = linear_model(linear_clips[:1]).softmax(1)[0, 1].item()
    assert whole == pytest.approx(expected, rel=1e-9)


def test_nothing_is_asked_twice(linear_model, linear_clips):
    asked = []
    linear_model.register_forward_hook(lambda *call: asked.append(len(call[1][0])))
    removal = Removal(linear_model, linear_clips[0], 0, units_of("tubelets", GRID))
    removed = np.eye(18, dtype=bool)
    first = removal.scores(np.concatenate([removed, removed]))
    np.testing.assert_array_equal(first[:18], removal.scores(removed))
    assert sum(asked) == 18


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_is_what_is_left_when_all_is_gone(linear_model, linear_clips, name):
    clip, other = linear_clips[0], linear_clips[1]
    removal = Removal(
        linear_model, clip, 0, units_of("frames", GRID), baseline=name, other=other, score="logit"
    )
    all_gone = removal.scores(np.ones((1, 2), bool))
    expected = linear_model(baseline_clip(clip, name, other)[None])[0, 0].item()
    assert all_gone == pytest.approx(expected, rel=1e-9)


def test_baselines_are_what_they_say():
    clip = torch.randn(3, 4, 12, 12).double()
    assert not baseline_clip(clip, "zero").any()
    still = baseline_clip(clip, "frame_repeat")
    assert all(torch.equal(still[:, t], clip[:, 0]) for t in range(4))
    assert torch.equal(baseline_clip(clip, "other_clip", clip + 1), clip + 1)
    blurred = baseline_clip(clip, "blur")
    assert blurred.std() < 0.6 * clip.std()
    flat = torch.full_like(clip, 0.7)
    torch.testing.assert_close(baseline_clip(flat, "blur"), flat)
    # One bright pixel spreads evenly to all sides and keeps its sum.
    point = torch.zeros(1, 1, 41, 41).double()
    point[0, 0, 20, 20] = 1.0
    spread = baseline_clip(point, "blur")
    torch.testing.assert_close(spread.sum(), point.sum(), rtol=1e-3, atol=0)
    torch.testing.assert_close(spread, spread.flip(-1))
    torch.testing.assert_close(spread, spread.transpose(-1, -2))


@pytest.mark.parametrize("readout", ["cls", "mean"])
@pytest.mark.parametrize("scan_order", SCAN_ORDERS)
def test_token_drop_without_frames_is_a_shorter_clip(scan_order, readout):
    """Dropping the first of three time steps is the model of two steps on the last two."""
    torch.manual_seed(0)
    choice = {"scan_order": scan_order, "readout": readout, "image_size": 8, "depth": 2}
    model = create_model("videomamba_debug", num_frames=3, **choice).eval()
    short = create_model("videomamba_debug", num_frames=2, **choice).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    weights = model.state_dict()
    weights["temporal_pos_embedding"] = weights["temporal_pos_embedding"][:, 1:]
    short.load_state_dict(weights)
    clip = torch.randn(3, 3, 8, 8)
    removal = Removal(
        model, clip, 0, units_of("frames", model.token_grid), baseline="token_drop", score="logit"
    )
    removed = np.array([[True, False, False], [False, False, False], [True, True, True]])
    found = removal.scores(removed)
    with torch.no_grad():
        assert found[0] == pytest.approx(short(clip[None, :, 1:])[0, 0].item(), rel=1e-3, abs=1e-5)
        assert found[1] == pytest.approx(model(clip[None])[0, 0].item(), rel=1e-3, abs=1e-5)
    if readout == "mean":
        assert found[2] == pytest.approx(model.head.bias[0].item())


def test_an_image_model_is_judged_too():
    torch.manual_seed(0)
    model = create_model("videomamba_image_debug").eval()
    image = torch.randn(3, 16, 16)
    removal = Removal(model, image, 1, units_of("tubelets", model.token_grid), score="logit")
    with torch.no_grad():
        expected = model(image[None])[0, 1].item()
    none = np.zeros((1, 16), bool)
    assert removal.scores(none)[0] == pytest.approx(expected, rel=1e-4, abs=1e-6)
    dropped = Removal(
        model,
        image,
        1,
        units_of("tubelets", model.token_grid),
        score="logit",
        baseline="token_drop",
    )
    assert dropped.scores(none)[0] == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_the_mode_of_the_model_stays(linear_model, linear_clips):
    linear_model.train()
    Removal(linear_model, linear_clips[0], 0, units_of("frames", GRID)).scores(
        np.ones((1, 2), bool)
    )
    assert linear_model.training
    assert linear_model.weight.grad is None


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        ({"baseline": "noise"}, "no baseline 'noise'"),
        ({"baseline": "other_clip"}, "needs another clip"),
        ({"score": "loss"}, "no score 'loss'"),
        ({"batch_size": 0}, "at least one clip"),
    ],
)
def test_wrong_choices_are_one_sentence(linear_model, linear_clips, choice, sentence):
    with pytest.raises(AttributionError, match=sentence):
        Removal(linear_model, linear_clips[0], 0, units_of("frames", GRID), **choice)


def test_what_is_no_clip_is_refused(linear_model, linear_clips):
    with pytest.raises(AttributionError, match="One clip"):
        Removal(linear_model, linear_clips, 0, units_of("frames", GRID))
    with pytest.raises(AttributionError, match="not finite"):
        Removal(linear_model, linear_clips[0] / 0, 0, units_of("frames", GRID))
    with pytest.raises(AttributionError, match="no units 'pixels'"):
        units_of("pixels", GRID)
    with pytest.raises(AttributionError, match="every number"):
        region_units(np.full((2, 3, 3), 2))


@pytest.mark.parametrize(
    ("name", "without"),
    [
        ("videomamba_debug", set()),
        ("vim_debug", {"frame_repeat"}),
        ("videomamba_adaptor_debug", {"token_drop"}),
        ("moma_debug", {"token_drop"}),
        ("vmamba_debug", {"token_drop", "frame_repeat"}),
    ],
)
def test_what_can_be_taken_away_is_known_before(name, without):
    """What is said to fit can be made, and what is not is one sentence."""
    model = create_model(name).eval()
    config = model.config
    assert set(BASELINES) | {"token_drop"} == set(fitting_removals(config)) | without
    clip = torch.zeros(3, config.num_frames or 1, *config.frame_size)
    units = units_of("frames", model.token_grid)
    for baseline in fitting_removals(config):
        Removal(model, clip, 0, units, baseline=baseline, other=clip)
    for baseline in without:
        with pytest.raises(AttributionError, match=r"^(A pass with tokens left|The first frame)"):
            Removal(model, clip, 0, units, baseline=baseline)
