"""Heat: colours follow the values, what matters little is see-through, files hold what is shown."""

import base64
import io

import av
import numpy as np
import pytest
from PIL import Image

from app.figures.heat import heat, heat_sprite, legend_gradient, overlaid, positions
from app.figures.overlay_files import overlay_mp4, overlay_png


def test_signed_maps_are_centred_at_zero():
    at = positions(np.array([-4.0, 0.0, 2.0]), signed=True)
    assert at[1] == 0 and at[0] == -1 and 0.4 < at[2] < 0.6


def test_unsigned_maps_run_from_their_lowest_to_their_highest():
    at = positions(np.linspace(5, 6, 101), signed=False)
    assert at[0] == 0 and at[-1] == 1 and (np.diff(at) >= 0).all()


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_a_map_without_variation_is_finite(signed):
    assert np.isfinite(positions(np.zeros((2, 3)), signed)).all()
    assert (heat(np.zeros((2, 3)), signed)[..., 3] == 0).all()


def test_support_is_red_opposition_blue_and_zero_see_through():
    red, clear, blue = heat(np.array([1.0, 0.0, -1.0]), signed=True)
    assert red[0] > red[2] and blue[2] > blue[0]
    assert clear[3] == 0 and red[3] > 200 and blue[3] > 200


def test_the_sprite_has_a_pixel_a_token_and_time_steps_side_by_side():
    values = np.arange(2 * 3 * 4, dtype=float).reshape(2, 3, 4)
    head, content = heat_sprite(values, signed=False).split(",")
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))
    assert head == "data:image/png;base64"
    assert picture.shape == (3, 8, 4)
    np.testing.assert_array_equal(picture[:, 4:], heat(values, False)[1])


def test_overlays_are_grey_where_nothing_is_shown():
    frames = np.random.default_rng(0).integers(0, 255, (4, 8, 8, 3), np.uint8)
    grey = overlaid(frames, np.zeros((2, 2, 2)), signed=True)
    assert (np.ptp(grey, axis=-1) == 0).all()
    values = np.zeros((2, 2, 2))
    values[1, 0, 0] = 1
    shown = overlaid(frames, values, signed=True, smooth=False)
    np.testing.assert_array_equal(shown[:2], grey[:2])
    assert (np.ptp(shown[2:, :4, :4], axis=-1) > 0).any()
    np.testing.assert_array_equal(shown[2:, 4:], grey[2:, 4:])


def test_the_legend_shows_both_ends():
    assert legend_gradient(True).count("rgb(") >= 8 and legend_gradient(True) != legend_gradient(
        False
    )


def test_saved_files_can_be_opened(make_map):
    frames = np.random.default_rng(0).integers(0, 255, (4, 16, 16, 3), np.uint8)
    maps = [make_map([1, 0, -1, 2]), make_map([1, 2, 3, 4], method="latim")]
    picture = Image.open(io.BytesIO(overlay_png(frames, maps, "clip.mp4: pan right")))
    assert picture.format == "PNG" and picture.height > 2 * 128
    video = overlay_mp4(frames, maps, "clip.mp4: pan right", frame_s=0.25)
    with av.open(io.BytesIO(video)) as container:
        stream = container.streams.video[0]
        assert stream.width > 2 * 224
        assert sum(1 for _ in container.decode(stream)) == 4 * 6
