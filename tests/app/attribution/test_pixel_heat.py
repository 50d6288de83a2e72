"""Maps before their pixels were summed into tokens, kept beside those of the tokens."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from analysis.attribution.attribution import attribute
from app.attributions import fresh_map, pixel_heat
from app.figures.heat import averaged_down, heat
from app.selection import Selection
from app.session import Session
from app.settings import Settings

CLIP = Path(__file__).parents[2] / "data" / "clips" / "mocap_kick.mp4"
SELECTION = Selection(str(CLIP), "videomamba_mini.untrained", 8, 64, "spatial_first")


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    return Session(Settings(cache_folder=tmp_path_factory.mktemp("cache")))


def test_a_tile_per_frame_has_the_colours_of_its_pixels(session):
    one = fresh_map(session, SELECTION, "input_x_gradient", 2)
    content = pixel_heat(session, SELECTION, one).split(",")[1]
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))
    with session.loaded(SELECTION) as loaded:
        clip = session.sampled(SELECTION, loaded).clip
        found = attribute(loaded.model, clip, "input_x_gradient", 2)
    assert picture.shape == (64, 8 * 64, 4)
    np.testing.assert_array_equal(picture[:, 3 * 64 : 4 * 64], heat(found.pixels, signed=True)[3])


def test_a_method_on_tokens_has_none(session):
    one = fresh_map(session, SELECTION, "exact_last_layer", 2)
    assert pixel_heat(session, SELECTION, one) is None


@pytest.mark.parametrize(("side", "kept"), [(64, 64), (128, 128), (130, 65), (384, 128)])
def test_large_sides_are_averaged_down(side, kept):
    pixels = torch.rand((2, side, side), generator=torch.Generator().manual_seed(0)).numpy()
    few = averaged_down(pixels, 128)
    assert few.shape == (2, kept, kept)
    every = side // kept
    assert few[1, 0, 1] == pytest.approx(pixels[1, :every, every : 2 * every].mean(), rel=1e-5)
