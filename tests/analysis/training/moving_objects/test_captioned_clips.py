"""Captioned clips: sentences are true, words are known, files hold what the list says."""

import json

import av
import numpy as np
import pytest
import torch

from analysis.models import create_model, model_config
from analysis.text.word_pieces import SPECIAL_PIECES, WordPieces, plain_text
from analysis.training.camera.camera_path import CAMERA_MOVES
from analysis.training.moving_objects.caption_files import (
    FORM,
    LIST_FILE,
    write_captioned_files,
)
from analysis.training.moving_objects.captioned_clips import CaptionedClips
from analysis.training.moving_objects.captioned_data import (
    CaptionedClipsData,
    CaptionedClipsMaterial,
)
from analysis.training.moving_objects.captions import camera_phrasings, phrasings, vocabulary
from analysis.training.moving_objects.composition import (
    ATTRIBUTES,
    COLOURS,
    SHAPES,
    SPLITS,
    compositions,
)
from analysis.training.moving_objects.zero_shot import (
    LONGEST_CAPTION,
    found_first,
    told_apart,
)
from analysis.training.recipes import caption_numbers
from analysis.training.source import RunShape

RUN = RunShape(seed=0, batch_size=6, steps=4, num_frames=4, image_size=32)


@pytest.fixture(scope="module")
def pieces():
    return WordPieces(vocabulary())


@pytest.fixture(scope="module")
def clips(store):
    return CaptionedClips(store, "never_seen", num_frames=4, image_size=32)


def test_the_small_model_reads_every_caption(pieces):
    texts = [text for split in SPLITS for one in compositions(split) for text in phrasings(one)]
    texts += [text for move in CAMERA_MOVES for text in camera_phrasings(move)]
    plain = {plain_text(text) for text in texts}
    assert not [text for text in plain if pieces.unknown(text)]
    assert max(len(text.split()) for text in plain) + 2 <= LONGEST_CAPTION
    assert pieces.size == model_config("videomamba_retrieval_mini").text.vocabulary_size


def test_word_numbers_are_those_of_the_vocabulary(pieces):
    numbers = caption_numbers()
    assert vocabulary()[: len(SPECIAL_PIECES)] == SPECIAL_PIECES
    assert (numbers.padding, numbers.first, numbers.hidden) == (
        pieces.padding,
        pieces.first,
        pieces.mask,
    )


@pytest.mark.parametrize("move", CAMERA_MOVES)
def test_no_two_camera_moves_share_a_sentence(move):
    others = [text for one in CAMERA_MOVES if one != move for text in camera_phrasings(one)]
    assert not set(camera_phrasings(move)) & set(others)


def test_a_batch_mixes_objects_and_scenes(store):
    clips = CaptionedClips(store, "seen", num_frames=4, image_size=32)
    pixels, captions = clips.batch_of(40, np.random.default_rng(0), scenes_share=0.25)
    assert pixels.shape == (40, 4, 32, 32, 3)
    scenes = [not set(text.split()) & set(COLOURS) for text in captions]
    assert sum(scenes) == 10
    alone = {text for move in CAMERA_MOVES for text in camera_phrasings(move)}
    whole = {text for one in compositions("seen") for text in phrasings(one)}
    named = {f"{'an' if c[0] in 'aeiou' else 'a'} {c} {s}" for c in COLOURS for s in SHAPES}
    assert {text for text, scene in zip(captions, scenes, strict=True) if scene} <= alone
    objects = {text for text, scene in zip(captions, scenes, strict=True) if not scene}
    assert objects <= whole | named
    assert objects & named and objects & whole


def test_sentences_belong_to_their_pixels(store):
    """Under grey photographs the colour that is named is the one that is there."""
    clips = CaptionedClips(store, "seen", num_frames=4, image_size=32)
    pixels, captions = clips.batch_of(30, np.random.default_rng(3), 0.0, scenes_share=0.3)
    for clip, text in zip(pixels, captions, strict=True):
        coloured = np.ptp(clip.astype(np.int64), axis=-1) > 60
        named = [name for name in COLOURS if name in text.split()]
        if not named or named[0] in ("white", "black"):
            assert coloured.mean() < 0.01
            continue
        seen = clip[coloured].mean(0)
        nearest = min(COLOURS, key=lambda name: np.abs(seen - COLOURS[name]).sum())
        assert nearest == named[0]


def test_galleries_hold_different_compositions(clips):
    drawn = list(clips.different(30, np.random.default_rng(1)))
    shown = {clip.composition for clip in drawn}
    assert len(shown) == 30
    assert shown <= set(compositions("never_seen"))
    assert all(clip.caption in phrasings(clip.composition) for clip in drawn)
    with pytest.raises(ValueError, match="10000 compositions were asked for; there are"):
        clips.different(10_000, np.random.default_rng(1))


def test_an_untrained_model_is_near_chance(clips, pieces, monkeypatch):
    monkeypatch.setattr("analysis.training.moving_objects.zero_shot.GALLERY", 40)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = create_model("videomamba_retrieval_mini", num_frames=4, image_size=32)
    assert found_first(model, clips, pieces, 1) <= 0.2
    told = told_apart(model, clips, pieces)
    assert set(told) == set(ATTRIBUTES)
    assert all(0 <= share <= 0.5 for share in told.values())


def test_a_model_that_reads_the_sentence_off_the_clip_finds_all(clips, pieces, monkeypatch):
    """Directions of words stand for both sides, so that counting right ones is what is tested."""
    monkeypatch.setattr("analysis.training.moving_objects.zero_shot.GALLERY", 40)
    zero_shot = "analysis.training.moving_objects.zero_shot"

    class Reader(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.text_proj = torch.nn.Linear(1, 1)

        def read(self, tokens, padding):
            return tokens

        def text_directions(self, tokens):
            places = torch.arange(1, tokens.shape[1] + 1)
            counts = torch.zeros(len(tokens), 64).scatter_add_(
                1, tokens, places.expand_as(tokens).float()
            )
            counts[:, 0] = 0
            return torch.nn.functional.normalize(counts, dim=-1)

    reader = Reader()

    def videos(model, shown):
        texts = pieces.encode([plain_text(phrasings(one.composition)[0]) for one in shown], 32)
        return model.text_directions(texts.tokens)[:, None]

    monkeypatch.setattr(f"{zero_shot}._videos", videos)
    assert told_apart(reader, clips, pieces) == dict.fromkeys(ATTRIBUTES, 1.0)


def test_the_material_feeds_token_numbers(photographs):
    material = CaptionedClipsMaterial(CaptionedClipsData(), photographs)
    batch = material.training(RUN).batch(0)
    again = material.training(RUN).batch(0)
    assert batch.clips.shape == (6, 3, 4, 32, 32)
    assert torch.equal(batch.targets, again.targets) and torch.equal(batch.clips, again.clips)
    assert (batch.targets[:, 0] == material.pieces.first).all()
    assert not torch.equal(batch.targets, material.training(RUN).batch(1).targets)
    assert material.facts()["word_pieces"] == list(vocabulary())


def test_files_hold_what_the_list_says(photographs, tmp_path):
    written = list(write_captioned_files(tmp_path, photographs, 3, "never_seen"))
    entries = json.loads((tmp_path / LIST_FILE).read_text())
    assert [entry["video"] for entry in entries] == [path.name for path in written]
    for path, entry in zip(written, entries, strict=True):
        with av.open(str(path)) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert len(frames) == FORM.frame_count
        assert frames[0].shape == (FORM.height, FORM.width, 3)
        assert np.abs(frames[0].astype(int) - frames[-1]).mean() > 0
        colour = next(name for name in COLOURS if name in entry["caption"].split())
        assert colour in path.stem.split("_")
