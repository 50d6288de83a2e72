"""Reading the field's lists: separators, targets, parts of videos, and what bad lines get."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis.training.errors import RecipeError
from analysis.training.listed.list_file import ListError, ListFile, cut_windows, read_list
from analysis.video.labels import label_names


@pytest.mark.parametrize(
    "lines",
    [
        ["mocap_walk.mp4 0", "mocap_kick.mp4 1"],
        ["mocap_walk.mp4,0", "mocap_kick.mp4,1"],
        ["mocap_walk.mp4, 0", "", '"mocap_kick.mp4", 1'],
        ["mocap_walk.mp4\t0", "mocap_kick.mp4\t1"],
        ["mocap_walk.mp4;0", "mocap_kick.mp4;1", ""],
    ],
    ids=["space", "comma", "comma and space", "tab", "semicolon"],
)
def test_the_separator_is_found(list_of, clips_folder, lines):
    videos = read_list(list_of(lines, classes=2))
    assert [(Path(e.path), e.target) for e in videos.entries] == [
        (clips_folder / "mocap_walk.mp4", 0),
        (clips_folder / "mocap_kick.mp4", 1),
    ]
    assert videos.problems == ()
    assert videos.labels == ("class 0", "class 1")


@pytest.mark.parametrize("separator", [" ", ",", ", "])
def test_paths_may_hold_the_separator(list_of, tmp_path, separator):
    name = f"riding{separator}a bike.mp4"
    (tmp_path / name).touch()
    videos = read_list(list_of([f"{name}{separator}7", f"{name}{separator}8"], root=str(tmp_path)))
    assert [(Path(e.path).name, e.target) for e in videos.entries] == [(name, 7), (name, 8)]


def test_without_a_root_paths_start_at_the_list(tmp_path):
    (tmp_path / "a.mp4").touch()
    (tmp_path / "list.txt").write_text("a.mp4 3")
    (entry,) = read_list(ListFile(str(tmp_path / "list.txt"))).entries
    assert Path(entry.path) == tmp_path / "a.mp4"


@pytest.mark.parametrize("order", ["k400", "ssv2", "breakfast", "coin"])
def test_formats_bring_their_class_order(list_of, order):
    videos = read_list(list_of(["mocap_walk.mp4 9"], format=order))
    assert videos.labels == label_names(order)
    assert videos.label_order == order


def test_lvu_lines_with_start_and_end(list_of):
    videos = read_list(list_of(["mocap_walk.mp4 1 0.5 2.25"], format="lvu"))
    (entry,) = videos.entries
    assert (entry.start_s, entry.end_s, entry.target) == (0.5, 2.25, 1)
    assert len(videos.labels) == 2


def test_lvu_lines_with_a_duration_are_cut_into_windows(list_of):
    videos = read_list(
        list_of(
            ["mocap_walk.mp4 0.75 3", "mocap_kick.mp4 -2 1.5"],
            format="lvu_values",
            window_s=2.0,
            window_stride_s=1.0,
        )
    )
    assert [(e.line, e.target, e.start_s, e.end_s) for e in videos.entries] == [
        (1, 0.75, 0.0, 2.0),
        (1, 0.75, 1.0, 3.0),
        (1, 0.75, 2.0, 3.0),
        (2, -2.0, 0.0, 1.5),
    ]
    assert videos.labels == ()


@pytest.mark.parametrize("duration_s", [3, 59, 60, 61, 75, 100, 187, 240])
def test_windows_are_the_published_ones(duration_s):
    expected = [(0, duration_s)]
    if duration_s >= 60:
        expected = []
        for start in range(0, duration_s, 16):
            if start + 60 <= duration_s:
                expected.append((start, start + 60))
            elif duration_s - start >= 30:
                expected.append((start, duration_s))
    assert cut_windows(float(duration_s), 60.0, 16.0) == tuple(expected)


def test_a_folder_of_class_folders(tmp_path):
    for name in ("walk/b.png", "kick/a.jpg", "walk/a.JPEG", "walk/notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        if path.suffix == ".txt":
            path.write_text("no picture")
        else:
            Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(path)
    videos = read_list(ListFile(str(tmp_path), format="images"))
    assert videos.labels == ("kick", "walk")
    assert [(Path(e.path).name, e.target) for e in videos.entries] == [
        ("a.jpg", 0),
        ("a.JPEG", 1),
        ("b.png", 1),
    ]


GOOD = "mocap_walk.mp4"


@pytest.mark.parametrize(
    ("line", "options", "sentence"),
    [
        ("nix.mp4 0", {}, "Line 3 names nix.mp4, which does not exist."),
        (f"{GOOD} 5", {}, "Line 3 has the label 5, which is none of the 5 from 0 to 4."),
        (f"{GOOD} -1", {}, "Line 3 has the label -1, which is none of the 5 from 0 to 4."),
        (f"{GOOD} walking", {}, 'Line 3 has the label "walking", which is not a whole number.'),
        (f"{GOOD} 1.5", {}, 'Line 3 has the label "1.5", which is not a whole number.'),
        (GOOD, {}, 'Line 3 has 1 of 2 fields; "path label" was expected.'),
        (
            f"{GOOD} 0 2 1",
            {"format": "lvu"},
            "Line 3 ends at 1 s, which is not after its start at 2 s.",
        ),
        (f"{GOOD} 0 -2 1", {"format": "lvu"}, "Line 3 starts at -2 s, before the video does."),
        (f"{GOOD} 0 x 1", {"format": "lvu"}, 'Line 3 has the start "x", which is not a number.'),
        (
            f"{GOOD} nan 0 1",
            {"format": "lvu_values"},
            'Line 3 has the value "nan", which is not a number.',
        ),
        (
            f"{GOOD} 0",
            {"format": "lvu"},
            'Line 3 has 2 of 4 fields; "path label start end" was expected.',
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else None,
)
def test_bad_lines_are_told_by_number_and_skipped(list_of, line, options, sentence):
    good = f"{GOOD} 0 0 1" if options else f"{GOOD} 0"
    config = list_of([good, good, line, good], classes=5, bad_share=0.25, **options)
    videos = read_list(config)
    assert [problem.line for problem in videos.problems] == [3]
    assert videos.problems[0].sentence == sentence
    assert [entry.line for entry in videos.entries] == [1, 2, 4]


def test_a_duration_has_to_be_above_zero(list_of):
    lines = [f"{GOOD} 0 3", f"{GOOD} 0 0"]
    videos = read_list(list_of(lines, format="lvu", bad_share=0.5))
    assert videos.problems[0].sentence == "Line 2 has a duration of 0 s, which is not above 0."


def test_too_many_bad_lines_stop_the_run(list_of):
    lines = [f"{GOOD} 0"] * 48 + ["nix.mp4 0"]
    assert len(read_list(list_of([*lines, f"{GOOD} 0"])).problems) == 1
    with pytest.raises(ListError) as caught:
        read_list(list_of([*lines, "nox.mp4 0"]))
    assert str(caught.value) == (
        "train.csv has 2 bad of 50 lines, where 2 % are allowed; the first: Line 49 names nix.mp4, "
        "which does not exist."
    )


def test_a_list_without_a_good_line_is_refused_whatever_is_allowed(list_of):
    with pytest.raises(ListError, match="1 bad of 1 lines"):
        read_list(list_of(["nix.mp4 0"], bad_share=1.0))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "cannot be read"), (b"", "is empty"), (b"\xff\xfe\x00a", "no text in UTF-8")],
    ids=["missing", "empty", "binary"],
)
def test_lists_that_are_none(tmp_path, content, sentence):
    path = tmp_path / "list.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ListError, match=sentence):
        read_list(ListFile(str(path)))


def test_folders_without_pictures(tmp_path):
    (tmp_path / "walk").mkdir()
    with pytest.raises(ListError, match="a folder per class is needed"):
        read_list(ListFile(str(tmp_path), format="images"))


@pytest.mark.parametrize(
    ("field", "value"),
    [("format", "k600"), ("classes", 0), ("bad_share", 1.5), ("window_s", 0.0)],
)
def test_wrong_options(field, value):
    with pytest.raises(RecipeError, match=f"list.{field} is {value}"):
        ListFile("list.txt", **{field: value})
