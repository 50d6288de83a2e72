"""The published joint pretraining and the unmasked epoch after it, in small, on real files."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from analysis.models import create_model
from analysis.training.captioned_lists.caption_list import CaptionList, read_captions
from analysis.training.captioned_lists.data import CaptionedListsData
from analysis.training.errors import RecipeError
from analysis.training.listed.list_file import ListError
from analysis.training.recipes import make_recipe
from analysis.training.run import run_recipe
from analysis.training.shipping import ship
from analysis.training.source import Places, RunShape
from analysis.video.decode import read_frames
from analysis.weights.initial import load_initial_weights

PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "man", "walk", "kick", "##s", "cup")
RUN = RunShape(seed=0, batch_size=2, steps=8, num_frames=4, image_size=16)
MASKED, UNMASKED = (
    f"videomamba_retrieval_middle.joint_{end}" for end in ("mask_pt_f8_res224", "f8_res224")
)


@pytest.fixture(scope="module")
def root(tmp_path_factory, request):
    """Lists over the test clips and pictures taken from them."""
    root = tmp_path_factory.mktemp("captions")
    clips = sorted((request.config.rootpath / "tests/data/clips").glob("*.mp4"))[:4]
    videos, images = [], []
    for number, clip in enumerate(clips):
        said = [f"A man word{number}s.", f"a cup, word{number}"]
        videos.append({"video": str(clip), "caption": said})
        Image.fromarray(read_frames(clip, [0], short_side=32)[0]).save(root / f"{number}.png")
        images.append({"image": f"{number}.png", "caption": f"a cup word{number}"})
    for name, entries in (("videos", videos), ("images", images), ("test", videos)):
        (root / f"{name}.json").write_text(json.dumps(entries))
    words = [*PIECES, *(f"word{number}" for number in range(40 - len(PIECES)))]
    (root / "vocab.txt").write_text("\n".join(words))
    return root


def data(root, **fields):
    return CaptionedListsData(
        CaptionList("videos.json"),
        CaptionList("test.json"),
        **{"vocabulary": str(root / "vocab.txt"), **fields},
    )


def loaded(root, **fields):
    return data(root, **fields).load(Places(cache=root, root=root), lambda text: None)


def test_an_epoch_shows_every_file_of_both_kinds_once(root):
    material = loaded(root, images=CaptionList("images.json", medium="image"))
    assert material.clips_per_epoch == 8
    source = material.training(RUN)
    for epoch in range(2):
        seen = {1: [], 4: []}
        for step in range(4 * epoch, 4 * epoch + 4):
            batch = source.batch(step)
            assert batch.clips.shape[0] == 2 and batch.clips.shape[3:] == (16, 16)
            seen[batch.clips.shape[2]] += [tuple(row.tolist()) for row in batch.targets]
        assert [len(rows) for rows in seen.values()] == [4, 4]
    again = material.training(RUN).batch(5)
    assert torch.equal(again.clips, source.batch(5).clips)
    assert torch.equal(again.targets, source.batch(5).targets)


def test_a_file_is_shown_with_one_of_its_own_captions(root):
    material = loaded(root)
    pieces = material.pieces
    source, read = material.training(RUN), material.lists[0]
    plain = {
        tuple(pieces.encode([text], 32).tokens[0].tolist()): number
        for number, texts in enumerate(read.captions)
        for text in texts
    }
    shown = set()
    for step in range(12):
        for row in source.batch(step).targets:
            tokens = tuple(number for number in row.tolist() if number != pieces.padding)
            shown.add(tokens)
            assert tokens in plain
    assert len(shown) > len(read.captions)


def test_held_out_videos_come_in_order_and_whole(root):
    material = loaded(root)
    (batch,) = material.held_out(RUN, 3)
    assert batch.clips.shape == (3, 3, 4, 16, 16)
    (again,) = material.held_out(RUN, 3)
    assert torch.equal(batch.clips, again.clips) and torch.equal(batch.targets, again.targets)


def test_both_stages_train_and_ship(root, tmp_path):
    """Masked with four losses, then unmasked from its weights; the result answers."""
    own = tmp_path / "own"

    def trained(recipe_name: str, *changes: str):
        recipe = make_recipe(
            recipe_name,
            [
                "model.name=videomamba_retrieval_debug",
                "model.num_frames=4",
                "model.image_size=16",
                "objective.teacher=clip_tower_debug",
                "objective.video_ratio=0.5",
                "objective.numbers.first=2",
                "objective.numbers.hidden=4",
                f"data.vocabulary={root / 'vocab.txt'}",
                "batch_size=2",
                "epochs=1",
                "execution.precision=float32",
                *changes,
            ],
        )
        material = recipe.data.load(Places(cache=root, root=root), lambda text: None)
        rows = []
        finished = run_recipe(recipe, material, tmp_path / recipe_name, progress=rows.append)
        name = f"videomamba_retrieval_debug.{recipe_name.partition('.')[2]}"
        ship(name, finished, "none", own)
        return rows[-1], own / f"{name}.safetensors", finished

    row, file, finished = trained(MASKED, "model.weights=None")
    assert set(row) >= {"contrast", "matching", "words", "alignment", "accuracy"}
    assert finished.state.step == 4
    assert "among 4 videos of test.json (chance 25 %)" in finished.evaluation["accuracy_note"]
    before = finished.state.result
    row, file, finished = trained(UNMASKED, f"model.weights={file}", "data.images=None")
    assert "alignment" not in row and finished.state.step == 2
    after = finished.state.result
    for name, old in before.state_dict().items():
        # Two steps at a small rate.
        torch.testing.assert_close(after.state_dict()[name], old, rtol=0, atol=1e-3)
    state = file.read_bytes()
    assert state and b"clip_teacher" not in state


def test_a_video_encoder_begins_with_a_trained_one():
    model = create_model("videomamba_retrieval_mini")
    source = "videomamba_student_mini.aligned"
    load_initial_weights(model, source)
    student = create_model("videomamba_student_mini")
    load_initial_weights(student, source)
    state = model.vision_encoder.state_dict()
    for name, value in student.state_dict().items():
        assert torch.equal(state[name], value), name


def test_a_classifier_lends_its_norm_too():
    model = create_model("videomamba_retrieval_mini")
    load_initial_weights(model, "videomamba_mini.camera")
    classifier = create_model("videomamba_mini", num_classes=9)
    load_initial_weights(classifier, "videomamba_mini.camera", keep_head=True)
    assert torch.equal(model.vision_encoder.norm.weight, classifier.norm_f.weight)
    assert not torch.equal(classifier.norm_f.weight, torch.ones(64))


BAD_LISTS = {
    "no_list": ({"video": "x"}, "holds no JSON list"),
    "empty": ([], "is empty; every object has to name a file"),
    "no_captions": ([{"video": "0.png"}], "Entry 1 has no caption"),
    "no_words": ([{"video": "0.png", "caption": "?!"}], "has no words for 0.png"),
    "absent": ([{"video": "absent.mp4", "caption": "a man"}], "names absent.mp4"),
    "other_medium": ([{"image": "0.png", "caption": "a man"}], "Entry 1 has no video"),
}


@pytest.mark.parametrize("case", BAD_LISTS)
def test_bad_lists_are_one_sentence(root, tmp_path, case):
    content, message = BAD_LISTS[case]
    path = tmp_path / "list.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ListError, match=message):
        read_captions(CaptionList(str(path), root=str(root)))


def test_a_few_bad_entries_are_listed_and_left_out(root, tmp_path):
    entries = [{"video": "0.png", "caption": f"a man {n}"} for n in range(9)]
    path = tmp_path / "list.json"
    path.write_text(json.dumps([*entries, {"video": "absent.mp4", "caption": "a man"}]))
    read = read_captions(CaptionList(str(path), root=str(root), bad_share=0.1))
    assert len(read.files.entries) == 9
    assert [problem.line for problem in read.files.problems] == [10]


def test_a_vocabulary_that_is_none_stops_the_run(root):
    with pytest.raises(RecipeError, match="cannot be read"):
        loaded(root, vocabulary=str(root / "absent.txt"))


def test_published_values():
    masked, unmasked = make_recipe(MASKED), make_recipe(UNMASKED)
    assert (masked.epochs, masked.optimizer.learning_rate) == (10, 4e-4)
    assert (unmasked.epochs, unmasked.optimizer.learning_rate) == (1, 8e-5)
    assert masked.objective.word_ratio == 0.5
    assert (masked.objective.video_ratio, masked.objective.image_ratio) == (0.8, 0.5)
    losses = ("contrast", "matching", "words", "alignment")
    assert [getattr(masked.objective, name) for name in losses] == [1, 1, 1, 1]
    assert [getattr(unmasked.objective, name) for name in losses] == [1, 1, 1, 0]
    assert unmasked.objective.mask is None and not unmasked.objective.asks_teacher
    assert np.isclose(masked.model.num_frames or 8, 8)
