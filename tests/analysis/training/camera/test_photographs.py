"""Loading, leaving out what is no photograph, and a split that shares nothing."""

import numpy as np
import pytest
from PIL import Image

from analysis.training.camera.photographs import (
    Photograph,
    PhotographsError,
    is_mostly_flat,
    load_photographs,
    split_photographs,
)


def test_photographs_are_loaded_by_name_at_the_wanted_size(photographs, tmp_path):
    for number, photograph in enumerate(photographs[:2]):
        (tmp_path / "sub").mkdir(exist_ok=True)
        Image.fromarray(photograph.pixels).save(tmp_path / "sub" / f"{1 - number}.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    loaded = load_photographs(tmp_path, short_side=240)
    assert [photograph.name for photograph in loaded] == ["sub/0.png", "sub/1.png"]
    assert all(photograph.pixels.shape == (240, 320, 3) for photograph in loaded)


def test_flat_and_small_pictures_are_left_out(photographs, tmp_path):
    Image.fromarray(photographs[0].pixels).save(tmp_path / "good.png")
    Image.fromarray(photographs[1].pixels).resize((200, 150)).save(tmp_path / "small.png")
    Image.new("RGB", (400, 300), "navy").save(tmp_path / "flat.png")
    assert [photograph.name for photograph in load_photographs(tmp_path)] == ["good.png"]


@pytest.mark.parametrize(("share", "flat"), [(0.3, False), (0.8, True)], ids=["some", "most"])
def test_mostly_flat_means_most_of_the_area(photographs, share, flat):
    pixels = photographs[0].pixels.copy()
    pixels[:, : round(share * pixels.shape[1])] = 90
    assert is_mostly_flat(pixels) is flat


def test_an_empty_folder_and_a_damaged_picture_say_what_to_do(photographs, tmp_path):
    with pytest.raises(PhotographsError, match="put JPEG, PNG or WebP photographs"):
        load_photographs(tmp_path)
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    with pytest.raises(PhotographsError, match=r"broken\.jpg cannot be read as a photograph"):
        load_photographs(tmp_path)


def many_photographs(count: int) -> list[Photograph]:
    generator = np.random.default_rng(0)
    shape = (60, 80, 3)
    return [
        Photograph(f"{number}.png", generator.integers(0, 256, shape, dtype=np.uint8))
        for number in range(count)
    ]


def test_the_split_shares_no_photograph_and_does_not_depend_on_order():
    photographs = many_photographs(40)
    training, held_out = split_photographs(photographs, 0.15)
    names = [{photograph.name for photograph in part} for part in (training, held_out)]
    assert len(held_out) == 6
    assert not names[0] & names[1]
    assert names[0] | names[1] == {photograph.name for photograph in photographs}
    _, again = split_photographs(photographs[::-1], 0.15)
    assert {photograph.name for photograph in again} == names[1]


def test_the_same_scene_in_two_sizes_stays_on_one_side():
    photographs = many_photographs(30)
    doubled = photographs + [
        Photograph(f"small/{p.name}", np.asarray(Image.fromarray(p.pixels).resize((60, 45))))
        for p in photographs
    ]
    training, held_out = split_photographs(doubled, 0.3)
    sides = [{p.name.rpartition("/")[2] for p in part} for part in (training, held_out)]
    assert not sides[0] & sides[1]
