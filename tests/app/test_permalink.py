"""Addresses that name a state of the page: printed, read back, and read when they are wrong."""

from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

import pytest

from app.example_clips import list_examples
from app.mask_runs import MaskSetting
from app.permalink import Place, link_note, link_parameters, read_link
from app.selection import Selection

TABS = ("predict", "scan_lab", "attribution")
CLIPS = {example.file: str(example.path) for example in list_examples()}
FIRST = Selection(CLIPS["camera_pan.mp4"], "videomamba_mini.camera", 8, 64, "spatial_first")
TINY = "videomamba_tiny.untrained"


def opened(**query: str):
    return read_link(query, FIRST, TABS)


@pytest.mark.parametrize(
    ("selection", "tab", "address"),
    [
        pytest.param(FIRST, "predict", "", id="fresh"),
        pytest.param(FIRST, "attribution", "tab=attribution", id="tab"),
        pytest.param(
            replace(FIRST, clip=CLIPS["mocap_walk.mp4"], scan_order="temporal_first"),
            "predict",
            "clip=mocap_walk.mp4&order=temporal_first",
            id="clip-and-order",
        ),
        pytest.param(
            replace(FIRST, num_frames=16, image_size=96),
            "scan_lab",
            "frames=16&resolution=96&tab=scan_lab",
            id="setting",
        ),
        pytest.param(
            Selection(FIRST.clip, TINY, 8, 224, "spatial_first"),
            "predict",
            f"weights={TINY}",
            id="weights-as-trained",
        ),
        pytest.param(
            Selection(FIRST.clip, TINY, 4, 112, "alternating"),
            "predict",
            f"weights={TINY}&frames=4&resolution=112&order=alternating",
            id="weights-in-another-setting",
        ),
    ],
)
def test_an_address_says_what_differs_and_is_read_back(selection, tab, address):
    parameters = link_parameters(selection, tab, FIRST, TABS[0])
    assert urlencode({name: value for name, value in parameters.items() if value}) == address
    link = read_link(dict(parse_qsl(address)), FIRST, TABS)
    assert link.complaints == ()
    assert (link.selection, link.tab or TABS[0], link.place) == (selection, tab, None)


@pytest.mark.parametrize(
    ("query", "place"),
    [
        pytest.param({"token": "3,4,4"}, Place(6, 3 * 64 + 4 * 8 + 4), id="token"),
        pytest.param({"token": "3,4,4", "cursor": "8"}, Place(7, 228), id="token-and-cursor"),
        pytest.param({"cursor": "3"}, Place(2, None), id="cursor"),
        pytest.param({"token": "1,0,0", "frames": "16"}, Place(2, 64), id="more-frames"),
        pytest.param({"token": "0,11,11", "resolution": "96"}, Place(0, 143), id="wider-grid"),
    ],
)
def test_a_place_in_the_clip_is_read_on_the_grid_of_the_setting(query, place):
    link = opened(**query)
    assert (link.place, link.complaints) == (place, ())


BAD = {
    "clip": ("holiday.mp4", '"holiday.mp4"', "camera_pan.mp4"),
    "clip-path": ("../../etc/passwd", '"../../etc/passwd"', "camera_pan.mp4"),
    "clip-nul": ("a\0b\n", '"a\N{REPLACEMENT CHARACTER}b"', "camera_pan.mp4"),
    "weights": ("videomamba_mini.camra", '"videomamba_mini.camra"', "videomamba_mini.camera"),
    "weights-no-classifier": ("videomamba_tiny_pretrain.k400", "_pretrain", "videomamba_tiny"),
    "weights-unlike-any": ("%%%", '"%%%"', "menu lists them all"),
    "frames": ("many", '"many"', "8, 16"),
    "frames-uneven": ("7", '"7"', "8, 16"),
    "frames-exponent": ("1e9", '"1e9"', "8, 16"),
    "frames-negative": ("-8", '"-8"', "8, 16"),
    "resolution": ("70", '"70"', "64, 80"),
    "resolution-huge": ("9" * 5000, "9" * 40 + "\N{HORIZONTAL ELLIPSIS}", "64, 80"),
    "order": ("sideways", '"sideways"', "temporal_first"),
    "tab": ("<script>", '"<script>"', "scan_lab"),
    "token": ("a,b,c", "a,b,c", "2,3,4"),
    "token-short": ("1,2", "1,2", "2,3,4"),
    "token-off-the-grid": ("4,0,0", "4", "0 to 3"),
    "token-negative": ("-1,0,0", "-1,0,0", "2,3,4"),
    "token-huge": ("9" * 5000 + ",0,0", "9" * 40, "2,3,4"),
    "token-cls": ("cls", "CLS", "0,3,4"),
    "mask": ("rows,0.8,0", "'rows'", "_row"),
    "mask-whole": ("tube,1,0", '"tube,1,0"', "0 to 0.95"),
    "mask-odd-seed": ("tube,0.5,-1", "The seed is -1".lower(), "a whole number"),
    "mask-no-number": ("tube,most", '"tube,most"', "clip_row,0.8,0"),
    "mask-too-long": ("tube,0.5,1,2", '"tube,0.5,1,2"', "clip_row,0.8,0"),
    "cursor": ("0", '"0"', "1 to 8"),
    "cursor-after-the-end": ("9", '"9"', "1 to 8"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_one_sentence_and_the_rest_is_applied(case):
    text, came, use = BAD[case]
    name = case.split("-")[0]
    good = {"clip": "hand_cup.mp4", "order": "alternating", "tab": "attribution"}
    link = opened(**(good | {name: text}))
    (complaint,) = link.complaints
    assert came in complaint and use in complaint
    assert complaint.endswith((".", "?")) and len(complaint) < 250 and "\0" not in complaint
    expected = opened(**{key: value for key, value in good.items() if key != name})
    assert (link.selection, link.tab, link.mask) == (expected.selection, expected.tab, None)


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        pytest.param("", None, id="none"),
        pytest.param("tube", MaskSetting("tube", 0.8, 0), id="strategy"),
        pytest.param("motion,0.55", MaskSetting("motion", 0.55, 0), id="share"),
        pytest.param("frame_row,0,12", MaskSetting("frame_row", 0.0, 12), id="seed"),
    ],
)
def test_a_mask_is_read_and_written_alike(text, setting):
    link = opened(mask=text)
    assert (link.mask, link.complaints) == (setting, ())
    assert setting is None or opened(mask=setting.text).mask == setting


def test_many_wrong_values_are_complained_of_one_by_one():
    link = opened(clip="x", frames="y", order="z", token="4,4,9", unknown="w")
    assert len(link.complaints) == 4
    assert link.selection == FIRST


def test_a_setting_belongs_to_the_weights_that_are_named():
    assert opened(weights=TINY).selection.image_size == 224
    assert (
        opened(resolution="224").complaints
        and not opened(weights=TINY, resolution="224").complaints
    )


def test_an_uploaded_clip_stays_out_of_the_link_and_is_spoken_of(tmp_path):
    upload = replace(FIRST, clip=str(tmp_path / "holiday.mp4"), num_frames=16)
    parameters = link_parameters(upload, "predict", FIRST, TABS[0])
    assert {name for name, value in parameters.items() if value} == {"frames"}
    assert "upload" in link_note(upload) and link_note(FIRST) == ""
