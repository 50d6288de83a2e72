"""Lists as the data of a recipe."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from analysis.models import create_model
from analysis.training.errors import RecipeError
from analysis.training.listed.data import ListedData
from analysis.training.listed.list_file import ListError, ListFile
from analysis.training.source import Places, RunShape

RUN = RunShape(seed=0, batch_size=4, steps=10, num_frames=4, image_size=16)


@pytest.fixture
def lists(list_of):
    training = list_of([f"mocap_walk.mp4 {n % 3}" for n in range(6)])
    held_out = list_of([f"mocap_kick.mp4 {n}" for n in (2, 0, 1)], name="val.csv")
    fields = {"format": "lvu"}
    training = replace(training, **fields)
    for config in (training, held_out):
        path = Path(config.path)
        path.write_text("".join(f"{line} 0 1\n" for line in path.read_text().splitlines()))
    return ListedData(training, replace(held_out, **fields))


@pytest.fixture
def nowhere(tmp_path):
    return Places(cache=tmp_path / "cache")


def test_material(lists, nowhere):
    told = []
    material = lists.load(nowhere, told.append)
    assert told == ["6 clips in train.csv", "3 clips in val.csv"]
    assert material.labels == ("class 0", "class 1", "class 2")
    assert material.label_order is None
    assert material.clips_per_epoch == 12
    assert material.training(RUN).batch(0).clips.shape == (4, 3, 4, 16, 16)
    assert material.facts()["data"] == "6 clips listed in train.csv"
    json.dumps([material.facts(), asdict(lists)])


def test_held_out_clips_are_the_same_each_time_and_spread_over_the_list(lists, nowhere):
    material = lists.load(nowhere, print)
    first, again = ([*material.held_out(RUN, 2)] for _ in range(2))
    assert [batch.targets.tolist() for batch in first] == [[2, 0]]
    assert torch.equal(first[0].clips, again[0].clips)
    (whole,) = material.held_out(RUN, 100)
    assert whole.targets.tolist() == [2, 0, 1]
    (pictures,) = material.held_out(replace(RUN, num_frames=None), 100)
    assert pictures.clips.shape == (3, 3, 16, 16)


def test_evaluation(lists, nowhere):
    material = lists.load(nowhere, print)
    model = create_model("videomamba_debug", num_classes=3, num_frames=4, image_size=16)
    evaluation = material.evaluate(model, RUN)
    # The three held-out lines show the same second of video under each of the labels.
    assert evaluation["accuracy"] == pytest.approx(100 / 3, abs=0.01)
    assert evaluation["accuracy_note"] == "top-1 on 3 entries of val.csv, 4 x 3 views"
    json.dumps(evaluation)


def test_lists_are_looked_for_from_the_root(tmp_path, clips_folder, nowhere):
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.mp4").write_bytes((clips_folder / "mocap_kick.mp4").read_bytes())
    (tmp_path / "train.txt").write_text("a.mp4 0")
    one = ListFile("train.txt", root="clips")
    material = ListedData(one, one).load(replace(nowhere, root=tmp_path), print)
    (entry,) = material.training_list.entries
    assert Path(entry.path) == tmp_path / "clips" / "a.mp4"


def test_held_out_files_that_fail_are_left_out_and_told(lists, nowhere, broken_clip):
    with Path(lists.held_out.path).open("a") as file:
        file.write(f"{broken_clip} 1 0 1\n")
    told = []
    material = lists.load(nowhere, told.append)
    (batch,) = material.held_out(RUN, 10)
    assert len(batch) == 3
    assert told[-1].startswith('val.csv: Line 4: "broken.mp4" does not hold')
    model = create_model("videomamba_debug", num_classes=3, num_frames=4, image_size=16)
    with pytest.raises(ListError, match=r"val.csv has 1 bad of 4 lines"):
        material.evaluate(model, RUN)


def test_held_out_labels_have_to_be_among_those_learned(lists, nowhere):
    with Path(lists.held_out.path).open("a") as file:
        file.write("mocap_kick.mp4 3 0 1\n")
    with pytest.raises(ListError, match="label 3, which is none of the 3 from 0 to 2"):
        lists.load(nowhere, print)


def test_wrong_options(five_clips):
    with pytest.raises(RecipeError, match=r"data.repeats is 0"):
        ListedData(five_clips, five_clips, repeats=0)
    with pytest.raises(RecipeError, match=r"data.held_out.format is ssv2"):
        ListedData(five_clips, replace(five_clips, format="ssv2"))
