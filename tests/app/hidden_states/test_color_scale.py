"""Where amounts fall on their colour scales, and what stands beside them."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from app.figures.color_scale import LINEAR, LOGARITHMIC, RANGE, ColorScale, scale_for, sprite


@pytest.mark.parametrize(
    ("scale", "amount", "place"),
    [
        pytest.param(ColorScale(10, False, LINEAR), 5, 0.5, id="half"),
        pytest.param(ColorScale(10, False, LOGARITHMIC), 1, 2 / 3, id="a tenth"),
        pytest.param(ColorScale(10, False, LOGARITHMIC), 0.01, 0, id="a thousandth"),
        pytest.param(ColorScale(10, False, LOGARITHMIC), 1e-9, 0, id="far less"),
        pytest.param(ColorScale(10, False, LOGARITHMIC), 0, 0, id="nothing"),
        pytest.param(ColorScale(10, True, LOGARITHMIC), -1, -2 / 3, id="a tenth against"),
        pytest.param(ColorScale(10, True, LINEAR), -10, -1, id="all against"),
        pytest.param(ColorScale(6, False, RANGE, 4), 5, 0.5, id="middle of a range"),
        pytest.param(ColorScale(0, False, LINEAR), 0, 0, id="all zero"),
    ],
)
def test_places(scale, amount, place):
    assert scale.positions(np.array(amount)) == pytest.approx(place)


@pytest.mark.parametrize(
    ("scale", "as_share", "labels"),
    [
        pytest.param(ColorScale(20, False, LOGARITHMIC), False, "0.020 0.20 2.0 20", id="log"),
        pytest.param(ColorScale(20, False, LINEAR), False, "0 10 20", id="linear"),
        pytest.param(
            ColorScale(0.5, True, LOGARITHMIC), True, "-50% -0.50% 0 0.50% 50%", id="signed"
        ),
        pytest.param(ColorScale(0.5, True, LINEAR), True, "-50% 0 50%", id="signed linear"),
        pytest.param(
            ColorScale(0.6931, False, RANGE, 0.6929), False, "0.69290 0.69300 0.69310", id="narrow"
        ),
    ],
)
def test_ticks_rise_from_left_to_right(scale, as_share, labels):
    ticks = scale.ticks(as_share)
    found = " ".join(tick["label"] for tick in ticks)
    assert found.replace("\N{NARROW NO-BREAK SPACE}", "").replace("\N{MINUS SIGN}", "-") == labels
    places = [tick["at"] for tick in ticks]
    assert places == sorted(places) and (places[0], places[-1]) == (0, 100)


def test_what_is_less_than_a_thousandth_is_see_through():
    colors = scale_for(np.array([10.0, 1.0, 0.001]), False, LOGARITHMIC).colors(
        np.array([10.0, 1.0, 0.001])
    )
    assert colors[0, 3] > colors[1, 3] > colors[2, 3] == 0


@pytest.mark.parametrize("kind", [LINEAR, LOGARITHMIC, RANGE])
def test_what_has_no_amount_is_dark_and_sets_no_end(kind):
    amounts = np.array([np.nan, -0.5, 0.25])
    scale = scale_for(amounts, kind != RANGE, kind)
    assert (scale.largest, scale.smallest) == ((0.25, -0.5) if kind == RANGE else (0.5, 0))
    colors = scale.colors(amounts)
    assert colors[0, :3].max() < 20 < 180 < colors[0, 3]
    without = scale_for(amounts[1:], kind != RANGE, kind).colors(amounts[1:])
    assert (colors[1:] == without).all()
    assert (scale_for(amounts[:1], False, kind).colors(amounts[:1]) == colors[:1]).all()


def test_opposite_amounts_have_opposite_colours():
    against, supporting = ColorScale(1, True, LINEAR).colors(np.array([-1.0, 1.0]))
    assert against[2] > against[0] and supporting[0] > supporting[2]
    assert against[3] == supporting[3]


def test_a_sprite_holds_the_time_steps_side_by_side():
    colors = np.zeros((3, 2, 4, 4), np.uint8)
    colors[1, 0, 2] = (9, 8, 7, 255)
    packed = base64.b64decode(sprite(colors).split(",")[1])
    picture = Image.open(io.BytesIO(packed))
    assert picture.size == (12, 2)
    assert picture.getpixel((4 + 2, 0)) == (9, 8, 7, 255)
