"""The field's lists: several captions, paragraphs, several videos, and what is wrong with them."""

import json

import pytest

from analysis.retrieval.annotations import DATA_SETS, data_set_of, read_annotations
from analysis.retrieval.errors import RetrievalError

PARAGRAPH = {
    "video": "a.mp4",
    "caption": ["A man walks.", "Then he gets up;"],
}


@pytest.fixture
def read(tmp_path):
    for name in ("a.mp4", "b.mp4", "part/c.avi"):
        (tmp_path / "videos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "videos" / name).touch()

    def read(entries, data_set="msrvtt"):
        path = tmp_path / "list.json"
        path.write_text(entries if isinstance(entries, str) else json.dumps(entries))
        return read_annotations(path, tmp_path / "videos", DATA_SETS[data_set])

    return read


def names(found):
    return [path.name for path in found.videos]


def test_a_caption_each(read):
    found = read(
        [
            {"video": "b.mp4", "caption": "A Dog-walk!", "more": 1},
            {"video": "part/c.avi", "caption": "the cup"},
        ]
    )
    assert names(found) == ["b.mp4", "c.avi"]
    assert found.texts == ("a dog walk", "the cup")
    assert found.text_videos == ((0,), (1,)) == found.video_texts
    assert found.problems == ()


def test_several_captions_are_several_texts(read):
    """MSVD: every one of them is right for the video."""
    found = read([PARAGRAPH, {"video": "b.mp4", "caption": ["one"]}], "msvd")
    assert found.texts == ("a man walks", "then he gets up", "one")
    assert found.text_videos == ((0,), (0,), (1,))
    assert found.video_texts == ((0, 1), (2,))


@pytest.mark.parametrize("data_set", ["didemo", "activitynet"])
def test_paragraphs_are_one_text(read, data_set):
    found = read([PARAGRAPH, {"video": "b.mp4", "caption": ["one"]}], data_set)
    assert found.texts == ("a man walks then he gets up", "one")
    assert found.text_videos == ((0,), (1,))


def test_a_caption_of_several_videos(read):
    found = read(
        [{"video": ["a.mp4", "b.mp4"], "caption": "x"}, {"video": "b.mp4", "caption": "y"}]
    )
    assert names(found) == ["a.mp4", "b.mp4"]
    assert found.text_videos == ((0, 1), (1,))
    assert found.video_texts == ((0,), (0, 1))


def test_the_published_rules():
    lengths = {name: data_set.max_length for name, data_set in DATA_SETS.items()}
    assert lengths == {"msrvtt": 32, "didemo": 64, "activitynet": 150, "lsmdc": 96, "msvd": 64}
    assert {name for name, rule in DATA_SETS.items() if rule.paragraph} == {"didemo", "activitynet"}
    assert {name for name, rule in DATA_SETS.items() if rule.first_s == 30} == {"didemo"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("msrvtt_test1k.json", "msrvtt"),
        ("didemo_ret_test.json", "didemo"),
        ("anet_ret_val.json", "activitynet"),
        ("ActivityNet.json", "activitynet"),
        ("lsmdc_ret_test_1000.json", "lsmdc"),
        ("lists/msvd_ret_test.json", "msvd"),
        ("mine.json", "msrvtt"),
    ],
)
def test_data_sets_by_file_name(name, expected):
    assert data_set_of(name) == expected


def test_what_cannot_be_used_is_listed(read):
    found = read(
        [
            {"video": "a.mp4", "caption": "one"},
            {"video": "absent.mp4", "caption": "two"},
            {"video": "b.mp4"},
            {"caption": "four"},
            "five",
            {"video": "b.mp4", "caption": "?!"},
            {"video": [], "caption": "seven"},
        ]
    )
    assert (names(found), found.texts) == (["a.mp4"], ("one",))
    assert found.problems == (
        "Entry 2 names absent.mp4, which does not exist.",
        "Entry 3 has no caption, which has to be a text or several.",
        "Entry 4 has no video, which has to be a text or several.",
        "Entry 5 is no object with video and caption.",
        "Entry 6 has no words for b.mp4.",
        "Entry 7 has no video, which has to be a text or several.",
    )


def test_videos_go_with_the_texts_that_belong_to_no_other(read):
    found = read(
        [
            {"video": "a.mp4", "caption": "one"},
            {"video": ["a.mp4", "b.mp4"], "caption": "two"},
            {"video": "part/c.avi", "caption": "three"},
        ]
    )
    left = found.without({0}, ["a.mp4 is broken."])
    assert names(left) == ["b.mp4", "c.avi"]
    assert left.texts == ("two", "three")
    assert left.text_videos == ((0,), (1,))
    assert left.problems == ("a.mp4 is broken.",)
    with pytest.raises(
        RetrievalError, match="Nothing is left of the list; the first problem: gone"
    ):
        found.without({0, 1, 2}, ["gone."])


BAD_LISTS = {
    "no_json": ("video,caption", "list.json is no JSON"),
    "no_list": ({"videos": []}, "list.json holds no JSON list"),
    "empty": ([], "list.json has nothing that can be used."),
    "nothing_there": (
        [{"video": "x.mp4", "caption": "x"}],
        "nothing that can be used; the first problem: Entry 1 names x.mp4",
    ),
}


@pytest.mark.parametrize("case", BAD_LISTS)
def test_what_is_no_list_is_one_sentence(read, case):
    content, message = BAD_LISTS[case]
    with pytest.raises(RetrievalError, match=message) as caught:
        read(content)
    assert "\n" not in str(caught.value)


def test_a_list_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(RetrievalError, match=r"absent\.json cannot be read \(no such file"):
        read_annotations(tmp_path / "absent.json", tmp_path)


@pytest.mark.parametrize("name", ["../list.json", "part/../../list.json"])
def test_a_strangers_list_stays_inside_the_folder(tmp_path, read, name):
    entries = [{"video": name, "caption": "a cup"}, {"video": "a.mp4", "caption": "a dog"}]
    assert len(read(entries).videos) == 2
    found = read_annotations(tmp_path / "list.json", tmp_path / "videos", inside=True)
    assert names(found) == ["a.mp4"]
    assert found.problems == (f"Entry 1 names {name}, which is outside the folder.",)
