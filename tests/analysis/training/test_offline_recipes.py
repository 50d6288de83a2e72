"""Every recipe that needs no data set takes real steps on real material."""

import math

import numpy as np
import pytest
from PIL import Image

from analysis.training.adaptation_recipes import adaptation_recipes
from analysis.training.motion_capture.motions import MotionCaptureError
from analysis.training.recipes import make_recipe
from analysis.training.source import Places
from analysis.training.trainer import train

OFFLINE = [
    "videomamba_mini.camera",
    "videomamba_mini.order_alternating",
    "videomamba_mini.actions_spatiotemporal_v2",
    "videomamba_mini.object_directions",
    "videomamba_mini.object_words",
    "videomamba_mini.short",
    "videomamba_mini_wide_distill.short",
    "clip_mini.pictures",
    "videomamba_student_mini.short",
    *adaptation_recipes(),
]

STUDENTS = ("videomamba_student_mini.short",)


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Photographs made of blobs in colour."""
    folder = tmp_path_factory.mktemp("photographs")
    generator = np.random.default_rng(0)
    for number in range(8):
        pixels = generator.integers(0, 256, (40, 60, 3), dtype=np.uint8)
        picture = Image.fromarray(pixels).resize((480, 320), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number}.png")
    return Places(cache=tmp_path_factory.mktemp("cache"), photographs=folder)


@pytest.fixture(scope="module")
def materials():
    """What is loaded already, by its config."""
    return {}


@pytest.mark.parametrize("name", OFFLINE)
def test_two_steps(name, places, materials, tmp_path):
    # The teacher of the small student has its own long training.
    untrained = ["objective.teacher_weights=None"] if name in STUDENTS else []
    recipe = make_recipe(name, ["batch_size=6", *untrained])
    try:
        if recipe.data not in materials:
            materials[recipe.data] = recipe.data.load(places, lambda text: None)
        material = materials[recipe.data]
    except MotionCaptureError as error:
        pytest.skip(str(error))
    rows = []
    state = train(recipe, material, tmp_path, stop_after=2, report_every=2, progress=rows.append)
    assert state.step == 2
    if material.labels and recipe.objective.scored:
        chance = math.log(len(material.labels))
    else:  # which of six texts it is; one direction against another
        chance = math.log(6) if recipe.objective.scored else 2.0
    assert 0.4 * chance < rows[0]["loss"] < 3 * chance
