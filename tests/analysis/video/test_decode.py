"""Healthy clips in every format: the right frames, upright, at the right size."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.video import decord_reader
from analysis.video.decode import decode_frames, read_frames, reduced_size
from analysis.video.limits import Limits, VideoError
from analysis.video.probe import frame_times_s, probe

CLIPS = Path(__file__).parents[2] / "data" / "clips"
CLOSED_X265 = {"x265-params": "log-level=none:keyint=10:open-gop=0"}
OPEN_X265 = {"x265-params": "log-level=none:keyint=10:open-gop=1"}
SHORT_GOP = {"g": "10"}
ODD_NAME = 'it\'s a "clip" & 100% #1 (naïve) 映像.mp4'

# file, what the encoder is told, the decoder that is expected to read it
FORMATS = {
    "h264": ("a.mp4", {"options": SHORT_GOP}, "decord"),
    "h264_odd_size_444": (
        "a.mp4",
        {"width": 97, "height": 61, "pixel_format": "yuv444p"},
        "decord",
    ),
    "h264_open_gop": (
        "a.mp4",
        {"options": {"x264-params": "keyint=10:open-gop=1:scenecut=0"}},
        "pyav",
    ),
    "hevc": ("a.mp4", {"codec": "libx265", "options": CLOSED_X265}, "decord"),
    "hevc_open_gop": ("a.mp4", {"codec": "libx265", "options": OPEN_X265}, "pyav"),
    "hevc_10_bit": (
        "a.mp4",
        {"codec": "libx265", "options": CLOSED_X265, "pixel_format": "yuv420p10le"},
        "decord",
    ),
    "vp9_webm": ("a.webm", {"codec": "libvpx-vp9", "options": SHORT_GOP}, "decord"),
    "mkv": ("a.mkv", {"options": SHORT_GOP}, "decord"),
    "mpeg4_avi": ("a.avi", {"codec": "mpeg4", "options": {"qmax": "2"}}, "decord"),
    "h264_avi": ("a.avi", {"options": SHORT_GOP}, "pyav"),
    "av1": ("a.mp4", {"codec": "libsvtav1", "options": {"preset": "12", "g": "10"}}, "pyav"),
    "gif": ("a.gif", {"codec": "gif", "pixel_format": "gray"}, "pyav"),
    "transport_stream": ("a.ts", {"options": SHORT_GOP}, "pyav"),
    "program_stream": ("a.mpg", {"codec": "mpeg2video", "rate": 25}, "pyav"),
    "odd_name": (ODD_NAME, {}, "decord"),
}
WANTED = [0, 3, 3, 11, 12, 27, 39, 20]


@pytest.fixture(scope="session")
def encoded(
    tmp_path_factory: pytest.TempPathFactory, write_clip: Callable[..., Path]
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("formats")
    clips = {}
    for name, (file, settings, _) in FORMATS.items():
        (folder / name).mkdir()
        clips[name] = write_clip(folder / name / file, **settings)
    return clips


@pytest.fixture(params=["decord_first", "pyav_only"])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, fresh_index: None):
    if request.param == "pyav_only":
        monkeypatch.setattr(decord_reader, "decord", None)
    elif decord_reader.decord is None:
        pytest.skip("decord has no build for this platform")
    return request.param


@pytest.mark.parametrize("name", FORMATS)
def test_frames_asked_for_are_the_frames_that_come(name, encoded, read_numbers, decoder) -> None:
    """Order and repeats are kept; the grey level of each frame tells its number."""
    decoded = decode_frames(encoded[name], WANTED)
    info = probe(encoded[name])
    assert read_numbers(decoded.pixels) == WANTED
    assert decoded.indices.tolist() == WANTED
    assert decoded.decoder == (FORMATS[name][2] if decoder == "decord_first" else "pyav")
    assert (decoded.substituted, info.note) == (0, "")
    assert decoded.pixels.shape == (len(WANTED), info.height, info.width, 3)
    assert decoded.pixels.dtype == np.uint8


@pytest.mark.parametrize("name", FORMATS)
def test_probe_knows_count_size_and_rate(name, encoded) -> None:
    info = probe(encoded[name])
    settings = FORMATS[name][1]
    rate = settings.get("rate", 20)
    assert info.frame_count == 40
    assert (info.width, info.height) == (settings.get("width", 96), settings.get("height", 64))
    # WebM and MKV store whole milliseconds.
    assert info.fps == pytest.approx(rate, rel=1e-3)
    assert info.duration_s == pytest.approx(40 / rate, abs=2e-3)
    assert info.file_bytes == encoded[name].stat().st_size
    assert info.decoder == FORMATS[name][2]
    assert info.path == str(encoded[name])


@pytest.mark.parametrize("short_side", [224, 48, 33])
def test_both_decoders_reduce_to_the_same_pixels(short_side, encoded, monkeypatch, fresh_index):
    if decord_reader.decord is None:
        pytest.skip("decord has no build for this platform")
    ours = decode_frames(CLIPS / "hand_cup.mp4", [0, 100, 216], short_side)
    monkeypatch.setattr(decord_reader, "read", lambda *_: None)
    theirs = decode_frames(CLIPS / "hand_cup.mp4", [0, 100, 216], short_side)
    assert (ours.decoder, theirs.decoder) == ("decord", "pyav")
    assert ours.pixels.shape == (3, short_side, int(640 * short_side / 480), 3)
    difference = np.abs(ours.pixels.astype(int) - theirs.pixels)
    assert difference.mean() < 0.1 and difference.max() < 8


@pytest.mark.parametrize(
    ("rotation", "corner"),
    [(0, "top left"), (90, "bottom left"), (180, "bottom right"), (270, "top right")],
)
def test_rotation_metadata_is_applied(rotation, corner, write_clip, tmp_path, decoder) -> None:
    """The red patch of the stored top left corner turns counter-clockwise with the frame."""
    clip = write_clip(tmp_path / "phone.mp4", rotation=rotation, frames=4)
    upright = (96, 64) if rotation in (0, 180) else (64, 96)
    info = probe(clip)
    assert (info.width, info.height) == upright
    for short_side in (None, 32):
        frame = read_frames(clip, [1], short_side)[0]
        assert frame.shape[:2] == reduced_size(*upright, short_side)[::-1]
        redness = frame[..., 0].astype(int) - frame[..., 1]
        height, width = redness.shape
        corners = {
            f"{row} {column}": redness[
                (0 if row == "top" else height - 8) :, (0 if column == "left" else width - 8) :
            ][:8, :8].mean()
            for row in ("top", "bottom")
            for column in ("left", "right")
        }
        assert max(corners, key=corners.get) == corner
        assert corners.pop(corner) > 150 and max(corners.values()) < 30


def test_variable_rate_gives_real_times(write_clip, tmp_path, read_numbers, decoder) -> None:
    times_ms = [0, 40, 80, 500, 520, 1900, 1940, 2600]
    clip = write_clip(tmp_path / "screen.mp4", frames=8, times_ms=times_ms)
    expected = np.array(times_ms) / 1000
    assert frame_times_s(clip) == pytest.approx(expected, abs=1e-4)
    assert frame_times_s(clip, [7, 3]) == pytest.approx([2.6, 0.5], abs=1e-4)
    decoded = decode_frames(clip, [0, 3, 5, 7])
    assert decoded.times_s == pytest.approx(expected[[0, 3, 5, 7]], abs=1e-4)
    assert read_numbers(decoded.pixels) == [0, 3, 5, 7]


def test_one_frame_is_a_clip(write_clip, tmp_path, decoder) -> None:
    clip = write_clip(tmp_path / "one.mp4", frames=1)
    assert probe(clip).frame_count == 1
    assert read_frames(clip, [0, 0, 0]).shape == (3, 64, 96, 3)
    assert probe(clip).duration_s == pytest.approx(1 / 20)


@pytest.mark.parametrize(
    ("width", "height", "short_side", "expected"),
    [
        (640, 480, None, (640, 480)),
        (640, 480, 224, (298, 224)),  # 298.67 truncated
        (480, 640, 224, (224, 298)),
        (100, 100, 224, (100, 100)),  # never enlarged
        (3840, 2160, 224, (398, 224)),
    ],
)
def test_reduced_size(width, height, short_side, expected) -> None:
    assert reduced_size(width, height, short_side) == expected


@pytest.mark.parametrize(
    ("limits", "complaint"),
    [
        (Limits(max_bytes=1000), r"has 0\.\d MiB, more than the limit of 0\.0 MiB; cut"),
        (Limits(max_duration_s=1.5), r"lasts 1\.\d s, longer than the limit of 1\.5 s; cut"),
        (Limits(max_pixels=96 * 63), r"frames of 96 x 64 .* more than the limit .*; scale it down"),
    ],
    ids=["bytes", "duration", "pixels"],
)
def test_each_limit_says_what_it_is(limits, complaint, encoded) -> None:
    """The clip lasts 2 s at 96 x 64 pixels; limits equal to that let it through."""
    for read in (
        lambda: probe(encoded["h264"], limits),
        lambda: read_frames(encoded["h264"], [0], limits=limits),
    ):
        with pytest.raises(VideoError, match=complaint):
            read()
    assert probe(encoded["h264"], Limits(10**6, 2.0, 96 * 64)).frame_count == 40


@pytest.mark.parametrize(
    ("indices", "complaint"),
    [
        ([0, 40], "Frame 40 .* run from 0 to 39"),
        ([-1], "Frame -1 .* run from 0 to 39"),
        ([], "at least one"),
    ],
)
def test_frames_that_are_not_there(indices, complaint, encoded) -> None:
    with pytest.raises(VideoError, match=complaint):
        read_frames(encoded["h264"], indices)


def test_a_replaced_file_is_read_anew(write_clip, tmp_path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", frames=10)
    assert probe(clip).frame_count == 10
    write_clip(clip, frames=5)
    assert probe(clip).frame_count == 5
