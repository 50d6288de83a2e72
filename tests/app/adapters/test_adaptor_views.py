"""Figures and sentences of the Mamba-Adaptor section, from a look made by hand."""

import numpy as np
import pytest
import torch

from analysis.attribution.memory.receptive_field import ReceptiveField, area_fraction
from app.adaptor_costs import AdaptorCost
from app.components.adaptor_pictures import share_picture
from app.figures.adaptor_fields import fields_sentence, fields_view
from app.figures.adaptor_kernels import kernels_view
from app.figures.adaptor_places import places_view
from app.figures.adaptor_plots import (
    choices_figure,
    forgetting_figure,
    offsets_figure,
    shares_figure,
)
from app.figures.adaptor_sentences import (
    answers_sentence,
    costs_sentence,
    forgetting_sentence,
    kernels_sentence,
    layers_sentence,
    offsets_sentence,
    places_sentence,
    share_sentence,
)
from app.figures.adaptor_tables import answers_view, costs_view, standing_view

PIXELS = np.full((2, 8, 8, 3), 90, np.uint8)


def place(token: int, coefficient: float, offset: float, direction: str = "forward") -> dict:
    return {
        "direction": direction,
        "token_order": "spatial_first",
        "sequence": 0,
        "token": token,
        "coefficient": coefficient,
        "offset": offset,
    }


@pytest.fixture
def look() -> dict:
    """Two time steps of 2 x 2 patches; token 2 reads one place ahead, one back, one at CLS."""
    kernel = {
        "dilation": 2,
        "energy": 3.0,
        "size": [[1.0] * 3] * 3,
        "strongest": [[[1.0, 0.0, -1.0]] * 3],
        "channels": [5],
    }
    layer = {"entropy": 0.5, "ahead_share": 0.25, "memory": 0.1, "convolutions": 0.3}
    return {
        "clip": "walk.mp4",
        "model": "host",
        "training": "untrained",
        "setting": {"strength": 0.5},
        "sequences": 1,
        "on_grid": False,
        "layer": 2,
        "layers": 2,
        "grid": [2, 2, 2],
        "tubelet": 1,
        "token": 2,
        "answers": {
            "host": {"label": "pan", "probability": 0.6},
            "adapted": {"label": "zoom", "probability": 0.5},
            "logit_difference": 0.25,
        },
        "share": {"both": [0.0, *([0.1] * 7), 0.8], "memory": [0.1] * 9, "convolutions": [0] * 9},
        "by_layer": [layer, {**layer, "memory": 0.4, "entropy": 0.9}],
        "places": [place(7, 0.6, 4.6), place(1, 0.3, -1.0), place(0, 0.1, 0.2, "backward")],
        "histogram": {"edges": [-8, -2, 2, 8], "counts": [3, 4, 1], "ahead_share": 0.125},
        "kernels": {"scales": [kernel], "footprint": [[1.0] * 5] * 5},
    }


def test_places_stand_on_their_frames_with_the_reader_outlined(look):
    drawn = places_view(look, PIXELS)
    first, second = drawn.split("<figure>")[1:]
    assert first.count("<circle") == 1 and first.count("memory-reader") == 1
    assert second.count("<circle") == 1 and "memory-reader" not in second
    # Token 7 is row 1, column 0 of the second step; its area is 0.6 of the way to the largest.
    assert 'cx="0.500" cy="1.500" r="0.383"' in second
    assert "sequence 1: 60.0\u202f%, 4.6 steps ahead" in second
    assert "At the CLS token: Backward scan, sequence 1: 10.0\u202f%, at the token itself" in drawn
    said = places_sentence(look)
    assert "reads 3 places in 2 of 2 time steps, 2 of them ahead" in said
    assert "Most counts row 2, column 1 of frame 2: 60.0" in said


def test_without_memory_the_figures_say_so(look):
    bare = {**look, "places": [], "histogram": None}
    assert "Without Adaptor-T no token reads" in places_view(bare, PIXELS)
    cls = {**look, "places": [], "token": 0, "on_grid": True}
    assert "CLS token stands nowhere" in places_view(cls, PIXELS)
    assert "Without Adaptor-T" in offsets_figure(bare).layout.annotations[0].text
    assert "Without Adaptor-S" in kernels_view({**look, "kernels": None})
    assert offsets_sentence(bare) == places_sentence(bare) == ""


def test_offsets_are_shares_with_those_ahead_in_their_own_colour(look):
    (bars,) = offsets_figure(look).data
    assert list(bars.y) == [3 / 8, 4 / 8, 1 / 8] and list(bars.x) == [-5, 0, 5]
    assert bars.marker.color[0] == bars.marker.color[1] != bars.marker.color[2]
    assert "Of 8 places" in offsets_sentence(look) and "12.5" in offsets_sentence(look)


def test_layers_are_lines_of_their_own_numbers(look):
    memory, convolutions = shares_figure(look).data
    assert list(memory.y) == [0.1, 0.4] and list(convolutions.y) == [0.3, 0.3]
    assert [list(line.y) for line in choices_figure(look).data] == [[0.5, 0.9], [0.25, 0.25]]
    said = layers_sentence(look)
    assert "layer 2: 40.0" in said and "least even in layer 1, at 50.0" in said


def test_forgetting_has_both_sides_and_counts_what_comes_from_afar():
    scan = {
        "direction": "forward",
        "channels": 16,
        "distances": [-2, -1, 0, 1, 2],
        "plain": [0.0, 0.0, 4.0, 2.0, 1.0],
        "with_memory": [1.0, 0.5, 4.0, 2.0, 3.0],
        "ahead_share": 0.2,
    }
    curves = {"layer": 1, "scans": [scan]}
    plain, with_memory = forgetting_figure(curves).data
    assert np.isnan(plain.y[:2]).all() and list(plain.y[2:]) == [4, 2, 1]
    assert list(with_memory.y) == [1, 0.5, 4, 2, 3]
    said = forgetting_sentence(curves, "untrained")
    assert "20.0\u202f% of what tokens take in layer 1 comes from ahead" in said
    assert "3.00 times as much" in said and said.endswith("The adaptors are untrained.")


def test_kernels_are_small_pictures_with_their_energy(look):
    drawn = kernels_view(look)
    assert drawn.count("<img") == 3 and "5 \u00d7 5 tokens" in drawn
    assert "Dilation 2" in drawn and "100.0\u202f%" in drawn
    assert "Untrained kernels" in kernels_sentence(look)
    still = {"scales": [{**look["kernels"]["scales"][0], "energy": 0.0}], "footprint": [[0.0]]}
    assert "All kernels are zero" in kernels_view({**look, "kernels": still})


def test_answers_say_what_moved(look):
    assert "turns from pan to zoom" in answers_sentence(look)
    assert "60.0\u202f%" in answers_view(look) and "untrained" in standing_view(look)
    answers = {**look["answers"], "logit_difference": 3e-7}
    zero = {**look, "answers": answers, "setting": {**look["setting"], "strength": 0}}
    said = answers_sentence(zero)
    assert said.startswith("At strength 0 the adaptors are the identity") and "rounding" in said
    assert "80.0\u202f% at row 2, column 2 of frame 2" in share_sentence(look)


def test_fields_are_rows_with_their_areas():
    pixels = torch.zeros(2, 8, 8)
    pixels[0, 0, 0], pixels[1] = 4.0, 1 / 16
    one = ReceptiveField(1, pixels, pixels / 4, {0.5: area_fraction(pixels, 0.5)})
    fields = {name: one for name in ("none", "memory", "convolutions", "both")}
    drawn = fields_view(fields, PIXELS)
    assert drawn.count("<figure>") == 8 and "50 % in 0.8\u202f%" in drawn
    assert "With both the field is as wide".lower() in fields_sentence(fields, "CLS").lower()


def test_costs_are_added_to_the_host():
    cost = AdaptorCost("mini", 1000, 50, 150, 10_000, 4_000, 1_000)
    drawn, said = costs_view([cost]), costs_sentence([cost])
    assert "50 <small>+5.0\u202f%" in drawn and "+40.0\u202f%" in drawn
    assert "20.0\u202f% to the parameters" in said and "50.0\u202f% of the host's" in said


def test_the_map_outlines_the_chosen_token(session, short, look):
    picture = share_picture(look, session.sampled(short), "both")
    assert picture["subject"] == {"kind": "token", "index": 1}
    assert picture["values"] == [0.1] * 7 + [0.8]
    assert "untrained" in picture["title"] and picture["film"]
    cls = share_picture({**look, "token": 0}, session.sampled(short), "memory")
    assert cls["subject"]["kind"] == "readout"
