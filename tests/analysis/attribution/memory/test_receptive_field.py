"""The receptive field against finite differences, and area fractions by hand."""

import pytest
import torch

from analysis.attribution.memory.receptive_field import area_fraction, receptive_field
from analysis.models import create_model


def make(name="videomamba_debug", **fields):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = create_model(name, width=8, image_size=(8, 12), **fields).double()
        for parameter in model.parameters():
            parameter.data += 0.2 * torch.randn_like(parameter)
        config = model.config
        frames = () if config.num_frames is None else (config.num_frames,)
        return model, torch.randn(3, *frames, *config.frame_size, dtype=torch.float64)


def test_the_field_is_the_slope_of_the_features():
    model, clip = make()
    model.eval()
    field = receptive_field(model, [clip], token=5)  # pixels 4-7 x 4-7 of frame 0

    def features(moved):
        with torch.no_grad():
            return model.forward_features(moved[None])[0, 5].sum()

    for frame, row, column in ((0, 5, 1), (0, 3, 6), (1, 1, 2)):
        slope = 0
        for colour in range(3):
            step = torch.zeros_like(clip)
            step[colour, frame, row, column] = 1e-4
            slope += abs(features(clip + step) - features(clip - step)) / 2e-4
        assert field.pixels[frame, row, column].item() == pytest.approx(slope.item(), rel=1e-4)


def test_clips_are_averaged_and_the_model_left_as_it_was():
    model, clip = make(readout="mean")
    model.train()
    both = receptive_field(model, [clip, -clip])
    each = [receptive_field(model, [video]).pixels for video in (clip, -clip)]
    torch.testing.assert_close(both.pixels, sum(each) / 2)
    assert both.token == 1 + (2 * 2 + 1) * 3 + 1
    assert both.display.max() == 1
    assert model.training
    assert all(p.grad is None for p in model.parameters())


def test_a_cls_readout_is_seen_from_cls_and_images_too():
    model, picture = make("videomamba_image_debug")
    field = receptive_field(model, [picture])
    assert (field.token, field.pixels.shape) == (0, (8, 12))


@pytest.mark.parametrize(("share", "fraction"), [(0.2, 0.25), (0.4, 0.25), (0.5, 0.5), (0.99, 1)])
def test_area_by_hand(share, fraction):
    assert area_fraction(torch.tensor([[1.0, 4.0], [3.0, 2.0]]), share) == fraction


def test_no_clips():
    model, _ = make()
    with pytest.raises(ValueError, match="at least one clip"):
        receptive_field(model, [])
