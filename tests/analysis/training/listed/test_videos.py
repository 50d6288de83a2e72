"""Batches from real files: epochs, processes, repeats, files that fail, two training steps."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from analysis.models import create_model
from analysis.training.listed.augmentation import Augmentation
from analysis.training.listed.list_file import ListError, ListFile, read_list
from analysis.training.listed.videos import ListedVideos
from analysis.training.mixing import Mixing
from analysis.training.source import RunShape

PLAIN = Augmentation(scale=(1.0, 1.0), aspect=(1.0, 1.0), flip=False, policy=None, erase=0.0)
RUN = RunShape(seed=0, batch_size=5, steps=100, num_frames=4, image_size=16)


def classes_of(source: ListedVideos, steps) -> list[int]:
    return [int(target) for step in steps for target in source.batch(step).targets]


def test_batches_do_not_depend_on_when_and_where_they_are_asked_for(five_clips):
    videos = read_list(five_clips)
    source = ListedVideos(videos, Augmentation(), RUN)
    steps = [3, 0, 7, 3, 1]
    with ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(source.batch, steps))
    again = ListedVideos(videos, Augmentation(), RUN)
    for step, batch in zip(steps, batches, strict=True):
        torch.testing.assert_close(again.batch(step).clips, batch.clips, rtol=0, atol=0)
        assert torch.equal(again.batch(step).targets, batch.targets)
    assert batches[0].clips.shape == (5, 3, 4, 16, 16)
    assert not torch.equal(batches[0].clips, batches[1].clips)


def test_an_epoch_shows_every_clip_once_in_changing_order(five_clips):
    source = ListedVideos(read_list(five_clips), PLAIN, RUN)
    epochs = [classes_of(source, [step]) for step in range(4)]
    assert all(sorted(epoch) == [0, 1, 2, 3, 4] for epoch in epochs)
    assert len(set(map(tuple, epochs))) > 1
    other = ListedVideos(read_list(five_clips), PLAIN, replace(RUN, seed=1))
    assert [classes_of(other, [step]) for step in range(4)] != epochs


def test_processes_share_an_epoch(five_clips):
    videos = read_list(five_clips)
    whole = ListedVideos(videos, PLAIN, replace(RUN, batch_size=4))
    halves = [
        ListedVideos(videos, PLAIN, replace(RUN, batch_size=2, rank=rank, world=2))
        for rank in range(2)
    ]
    for step in range(3):
        parts = [half.batch(step) for half in halves]
        assert torch.equal(torch.cat([p.clips for p in parts]), whole.batch(step).clips)


def test_repeats_share_frames_and_differ_in_augmentation(five_clips):
    videos = read_list(five_clips)
    run = replace(RUN, batch_size=10)
    plain = ListedVideos(videos, PLAIN, run, repeats=2).batch(0)
    assert torch.equal(plain.targets[::2], plain.targets[1::2])
    assert sorted(plain.targets[::2].tolist()) == [0, 1, 2, 3, 4]
    assert torch.equal(plain.clips[::2], plain.clips[1::2])
    augmented = ListedVideos(videos, Augmentation(), run, repeats=2).batch(0).clips
    for first, second in zip(augmented[::2], augmented[1::2], strict=True):
        assert not torch.equal(first, second)
    # A pair that falls into two batches is still a pair.
    apart = ListedVideos(videos, PLAIN, replace(run, batch_size=5), repeats=2)
    assert torch.equal(apart.batch(0).clips[-1], apart.batch(1).clips[0])


def test_a_list_shorter_than_a_batch_goes_round(five_clips):
    source = ListedVideos(read_list(five_clips), PLAIN, replace(RUN, batch_size=12))
    classes = classes_of(source, [0])
    assert classes[:5] == classes[5:10]


def test_values_and_parts_of_videos(list_of):
    lines = ["mocap_walk.mp4 0.25 0 1", "mocap_walk.mp4 -4 1 2.5"]
    videos = read_list(list_of(lines, format="lvu_values"))
    batch = ListedVideos(videos, PLAIN, replace(RUN, batch_size=2)).batch(0)
    assert batch.targets.dtype == torch.float32
    assert batch.targets.shape == (2, 1)
    assert sorted(batch.targets[:, 0].tolist()) == [-4.0, 0.25]


@pytest.mark.parametrize("num_frames", [None, 4])
def test_pictures(tmp_path, num_frames):
    for name, grey in (("black", 0), ("white", 255)):
        (tmp_path / name).mkdir()
        Image.new("RGB", (30, 20), (grey,) * 3).save(tmp_path / name / "a.png")
    videos = read_list(ListFile(str(tmp_path), format="images"))
    run = replace(RUN, batch_size=2, num_frames=num_frames)
    batch = ListedVideos(videos, PLAIN, run).batch(0)
    assert batch.clips.shape == ((2, 3, 16, 16) if num_frames is None else (2, 3, 4, 16, 16))
    brightness = batch.clips.flatten(1).mean(1)
    assert (brightness.argmax() == batch.targets.argmax()).item()


def lines_with_a_broken_one(broken_clip) -> list[str]:
    return [f"mocap_kick.mp4 {number}" for number in range(4)] + [f"{broken_clip} 4"]


def test_a_file_that_fails_is_replaced_and_told_once(list_of, broken_clip):
    config = list_of(lines_with_a_broken_one(broken_clip), classes=5, bad_share=0.2)
    told = []
    source = ListedVideos(read_list(config), PLAIN, RUN, say=told.append)
    classes = [classes_of(source, [step]) for step in range(3)]
    assert all(len(some) == 5 and 4 not in some for some in classes)
    (sentence,) = told
    assert sentence.startswith('Line 5: "broken.mp4" does not hold a video that can be read')
    assert [problem.line for problem in source.failed] == [5]
    again = ListedVideos(read_list(config), PLAIN, RUN)
    assert [classes_of(again, [step]) for step in range(3)] == classes


def test_too_many_files_that_fail_stop_the_run(list_of, broken_clip):
    config = list_of(lines_with_a_broken_one(broken_clip), classes=5, bad_share=0.1)
    source = ListedVideos(read_list(config), PLAIN, RUN)
    with pytest.raises(ListError, match=r"train.csv has 1 bad of 5 lines, where 10 % are allowed"):
        source.batch(0)


def test_lines_left_out_at_first_count_too(list_of, broken_clip):
    lines = [*lines_with_a_broken_one(broken_clip), "nix.mp4 0"]
    config = list_of(lines, classes=5, bad_share=0.3)
    videos = read_list(config)
    with pytest.raises(ListError, match="has 2 bad of 6 lines"):
        classes_of(ListedVideos(videos, PLAIN, RUN), range(2))


def test_two_steps_of_training_from_video_files(five_clips):
    torch.manual_seed(0)
    model = create_model("videomamba_debug", num_classes=5)
    frames, side = model.config.num_frames, model.config.image_size
    run = replace(RUN, batch_size=10, num_frames=frames, image_size=side)
    source = ListedVideos(read_list(five_clips), Augmentation(), run, repeats=2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    for step in range(2):
        batch = Mixing().apply(source.batch(step), 5, np.random.default_rng(step))
        loss = torch.nn.functional.cross_entropy(model(batch.clips), batch.targets)
        assert loss.isfinite()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    moved = [
        not torch.equal(parameter, old)
        for parameter, old in zip(model.parameters(), before, strict=True)
    ]
    # The last layer's forward scan does not reach a class token that stands first.
    assert sum(moved) > 0.8 * len(moved)
