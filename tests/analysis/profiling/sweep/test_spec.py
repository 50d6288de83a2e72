"""Sweep files: what they ask for, in which order, and what is wrong with them."""

import json

import pytest

from analysis.profiling.errors import ProfilingError
from analysis.profiling.sweep.spec import SPEC_FOLDER, SweepSpec, read_spec, spec_from_row


def test_points_come_by_size_with_peers_side_by_side():
    spec = SweepSpec(
        models=("videomamba_tiny", "timesformer_tiny_joint"),
        frames=(8, 2),
        image_sizes=(224, 112),
    )
    named = [
        [(p.curve.model, p.curve.kernel, p.num_frames, p.image_size) for p in rank]
        for rank in spec.ranks
    ]
    sizes = [rank[0][2:] for rank in named]
    assert sizes == [(2, 112), (2, 224), (8, 112), (8, 224)]
    assert [row[:2] for row in named[0]] == [
        ("videomamba_tiny", "auto"),
        ("timesformer_tiny_joint", "softmax"),
        ("timesformer_tiny_joint", "sdpa"),
    ]


def test_a_spec_survives_its_file(tmp_path):
    spec = SweepSpec(models=("videomamba_tiny",), frames=(2, 4), passes=("training",), repeats=2)
    file = tmp_path / "sweep.json"
    file.write_text(json.dumps(spec.row()))
    assert read_spec(file) == spec
    assert read_spec(file).key == spec.key


@pytest.mark.parametrize("name", sorted(path.stem for path in SPEC_FOLDER.glob("*.json")))
def test_shipped_sweeps_can_be_run(name):
    assert read_spec(name).ranks


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([], "A sweep is a JSON object"),
        ({"frames": [8]}, "names no models"),
        ({"models": []}, "models is empty"),
        ({"models": ["videomamba_tiny"], "frame": [8]}, "no field 'frame'; did you mean frames"),
        ({"models": "videomamba_tiny"}, "models has to be a list"),
        ({"models": ["videomamba_tiny"], "frames": [0]}, "whole numbers above 0"),
        ({"models": ["videomamba_tiny"], "frames": [True]}, "whole numbers above 0"),
        ({"models": ["videomamba_tiny"], "passes": ["sideways"]}, "may have inference and train"),
        ({"models": ["videomamba_tiny"], "dtypes": ["int8"]}, "float32"),
        ({"models": ["videomamba_tiny"], "repeats": 0}, "1 or more"),
        ({"models": ["videomamba_tiny"], "time_cap_s": 0}, "above 0"),
        ({"models": ["videomamba_tinny"]}, "There is no model 'videomamba_tinny'; did you mean"),
        ({"models": ["videomamba_tiny"], "kernels": ["softmax"]}, "none that videomamba_tiny"),
        ({"models": ["videomamba_tiny"], "image_sizes": [100]}, "choose a multiple of 16"),
    ],
)
def test_a_wrong_sweep_gets_one_sentence(row, words):
    with pytest.raises(ProfilingError, match=words):
        _ = spec_from_row(row).ranks


def test_files_that_are_none_get_one_sentence(tmp_path):
    with pytest.raises(ProfilingError, match="give a JSON file or one of cpu_112"):
        read_spec("nothing")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(ProfilingError, match=r"broken\.json is not JSON"):
        read_spec(tmp_path / "broken.json")
