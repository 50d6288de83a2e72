"""Whatever a visitor uploads gives frames or one readable sentence: no traceback, hang or abort."""

import contextlib
import json
import os
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from analysis.video.decode import decode_frames
from analysis.video.limits import Limits, VideoError
from analysis.video.probe import probe

ROOT = Path(__file__).parents[3]
CLIPS = ROOT / "tests" / "data" / "clips"

# What each input is expected to give: part of the sentence, or None where frames must come.
EXPECTED = {
    "missing.mp4": "No file",
    "folder.mp4": "is a folder",
    "null.mp4": "device or pipe",
    "zero.mp4": "is empty",
    "text.mp4": "does not hold a video",
    "random.mp4": "does not hold a video",
    "sound.mp4": "only sound",
    "sound.wav": "only sound",
    "picture.png": r"is a picture \(PNG\)",
    "picture.mp4": r"is a picture \(JPEG\)",
    "playlist.mp4": "does not hold a video",
    "playlist.m3u8": "does not hold a video",
    "no_index.mp4": "index is missing",
    "no_picture_left.mp4": "Not one frame",
    "truncated.mp4": None,
    "truncated.webm": None,
    "truncated.ts": None,
    "corrupted_middle.mp4": None,
    "boasting_header.mp4": None,
    "trimmed.mp4": None,
    "one_frame.mp4": None,
    "tall.mp4": None,
}


def box(data: bytes, name: bytes) -> int:
    """Where the contents of the first MP4 box of this name begin."""
    position = data.find(name)
    assert position >= 4
    return position + 4


def sound(path: Path, codec: str, sample_format: str) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=44100, layout="mono")
        dtype = np.float32 if sample_format == "fltp" else np.int16
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 44100), dtype), sample_format, "mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def picture(path: Path, codec: str, pixel_format: str) -> None:
    frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), "rgb24")
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt = 16, 16, pixel_format
    context.time_base = Fraction(1, 25)
    packets = context.encode(frame.reformat(format=pixel_format)) + context.encode(None)
    path.write_bytes(b"".join(bytes(packet) for packet in packets))


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory, write_clip: Callable[..., Path]) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    rng = np.random.default_rng(0)
    (folder / "folder.mp4").mkdir()
    (folder / "null.mp4").symlink_to(os.devnull)
    (folder / "zero.mp4").touch()
    (folder / "text.mp4").write_text("Dear diary, today I renamed a file.\n" * 50)
    (folder / "random.mp4").write_bytes(rng.bytes(20_000))
    sound(folder / "sound.mp4", "aac", "fltp")
    sound(folder / "sound.wav", "pcm_s16le", "s16")
    picture(folder / "picture.png", "png", "rgb24")
    picture(folder / "picture.mp4", "mjpeg", "yuvj420p")
    write_clip(folder / "one_frame.mp4", frames=1)
    write_clip(folder / "tall.mp4", width=16, height=1024, frames=3)

    stream = write_clip(folder / "real.ts")
    for name in ("playlist.mp4", "playlist.m3u8"):
        (folder / name).write_text(f"#EXTM3U\n#EXTINF:2,\n{stream.name}\n#EXT-X-ENDLIST\n")

    real = (CLIPS / "hand_cup.mp4").read_bytes()
    third, half = len(real) // 3, len(real) // 2
    corrupted = real[:third] + rng.bytes(half - third) + real[half:]
    (folder / "corrupted_middle.mp4").write_bytes(corrupted)

    fast = write_clip(
        folder / "fast.mp4", options={"g": "10"}, container_options={"movflags": "faststart"}
    ).read_bytes()
    start = box(fast, b"mdat")
    (folder / "no_picture_left.mp4").write_bytes(fast[:start] + bytes(len(fast) - start))
    (folder / "truncated.mp4").write_bytes(fast[: start + (len(fast) - start) * 2 // 3])
    slow = write_clip(folder / "slow.mp4").read_bytes()
    (folder / "no_index.mp4").write_bytes(slow[: box(slow, b"mdat") + 200])
    for suffix, codec in ((".webm", "libvpx-vp9"), (".ts", "libx264")):
        whole = write_clip(folder / f"whole{suffix}", codec=codec).read_bytes()
        (folder / f"truncated{suffix}").write_bytes(whole[: len(whole) * 2 // 3])

    # The sample table now announces three billion frames.
    times_ms = [number * number * 10 for number in range(40)]
    boasting = bytearray(write_clip(folder / "uneven.mp4", times_ms=times_ms).read_bytes())
    struct.pack_into(">I", boasting, box(boasting, b"stts") + 8, 3_000_000_000)
    (folder / "boasting_header.mp4").write_bytes(boasting)

    # The edit list now shows one second, beginning five frames (a quarter of a second) in.
    trimmed = bytearray(write_clip(folder / "long.mp4", options={"g": "10"}).read_bytes())
    media_rate = struct.unpack_from(">I", trimmed, box(trimmed, b"mdhd") + 12)[0]
    entry = box(trimmed, b"elst") + 8
    first_tick = struct.unpack_from(">i", trimmed, entry + 4)[0]
    struct.pack_into(">Ii", trimmed, entry, 1000, first_tick + media_rate // 4)
    (folder / "trimmed.mp4").write_bytes(trimmed)
    return folder


def assert_one_sentence(text: str) -> None:
    assert text.endswith(".") and "\n" not in text and not re.search(r"\.\s", text)
    assert len(text) < 300 and "Traceback" not in text and "Error" not in text


@pytest.mark.parametrize("name", EXPECTED)
def test_frames_or_one_sentence(name: str, inputs: Path) -> None:
    complaint = EXPECTED[name]
    if complaint is None:
        count = probe(inputs / name).frame_count
        decoded = decode_frames(inputs / name, np.linspace(0, count - 1, 8).round(), 48)
        assert decoded.pixels.shape[0] == 8 and decoded.pixels.std() > 1
        return
    for read in (lambda: probe(inputs / name), lambda: decode_frames(inputs / name, [0])):
        with pytest.raises(VideoError, match=complaint) as caught:
            read()
        assert_one_sentence(str(caught.value))
        assert f'"{name}"' in str(caught.value)


@pytest.mark.parametrize("name", ["truncated.mp4", "truncated.webm", "truncated.ts"])
def test_truncated_files_count_the_frames_that_are_left(name, inputs, read_numbers) -> None:
    """Independent count: every frame that comes out when each packet is given a try."""
    left = 0
    with av.open(str(inputs / name)) as container:
        for packet in container.demux(video=0):
            with contextlib.suppress(av.FFmpegError):
                left += len(packet.decode())
    info = probe(inputs / name)
    assert 0 < left < 40 and info.frame_count == left
    numbers = read_numbers(decode_frames(inputs / name, range(left)).pixels)
    assert numbers == sorted(numbers) and len(set(numbers)) == left
    if name == "truncated.mp4":
        assert info.note == f"The file announces 40 frames; {left} of them can be read."


def test_frames_outside_the_damage_are_the_real_ones(inputs: Path) -> None:
    """Bytes of the middle third to half are noise; the ends of the clip must be untouched."""
    ends = [0, 10, 20, 200, 216]
    damaged = decode_frames(inputs / "corrupted_middle.mp4", ends)
    real = decode_frames(CLIPS / "hand_cup.mp4", ends)
    assert np.array_equal(damaged.pixels, real.pixels)
    assert damaged.substituted == 0
    everything = decode_frames(inputs / "corrupted_middle.mp4", range(217), 48)
    assert everything.decoder == "pyav" and 0 < everything.substituted < 217


def test_edit_list_hides_frames(inputs: Path, read_numbers) -> None:
    """Frames 5 to 24 of 40 are shown; the hidden ones before are needed only for decoding."""
    info = probe(inputs / "trimmed.mp4")
    assert (info.frame_count, info.duration_s) == (20, pytest.approx(1.0))
    assert read_numbers(decode_frames(inputs / "trimmed.mp4", [0, 7, 19]).pixels) == [5, 12, 24]


def test_boasting_header_is_taken_with_salt(inputs: Path) -> None:
    info = probe(inputs / "boasting_header.mp4")
    assert info.decoder == "pyav" and info.frame_count <= 40
    assert "announces 30000000" in info.note


@pytest.mark.parametrize(
    "path", ["", "a\0b.mp4", "https://example.org/a.mp4", "concat:a|b", "x" * 5000]
)
def test_paths_that_are_none(path: str) -> None:
    with pytest.raises(VideoError):
        probe(path)


CHILD = """
import json, sys, warnings
warnings.simplefilter("error")
import numpy as np
from analysis.video.decode import decode_frames
from analysis.video.limits import VideoError
from analysis.video.probe import probe
for path in json.load(sys.stdin):
    try:
        count = probe(path).frame_count
        got = len(decode_frames(path, np.linspace(0, count - 1, 8).round(), 48).pixels)
    except VideoError as error:
        got = str(error)
    print(json.dumps([path, got]), flush=True)
"""


def read_in_another_process(paths: list[Path], timeout_s: float) -> list[tuple[str, int | str]]:
    child = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=json.dumps([str(path) for path in paths]),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=timeout_s,
        check=False,
    )
    results = [json.loads(line) for line in child.stdout.splitlines()]
    assert child.returncode == 0, f"died after {len(results)} files: {child.stderr[-600:]}"
    assert len(results) == len(paths)
    return results


def test_no_input_kills_or_hangs_the_process(inputs: Path) -> None:
    for path, got in read_in_another_process([inputs / name for name in EXPECTED], 60):
        if EXPECTED[Path(path).name] is None:
            assert got == 8
        else:
            assert_one_sentence(got)


def test_random_damage_gives_frames_or_one_sentence(inputs: Path, tmp_path: Path) -> None:
    """Flipped bits, overwritten stretches and cuts, at places drawn from a fixed seed."""
    rng = np.random.default_rng(7)
    damaged = []
    for source in ("fast.mp4", "uneven.mp4", "whole.webm", "whole.ts"):
        for kind in ("bits", "bits", "header", "header", "stretch", "cut"):
            data = bytearray((inputs / source).read_bytes())
            if kind == "cut":
                del data[int(rng.integers(len(data) // 4, len(data))) :]
            elif kind == "stretch":
                begin = int(rng.integers(len(data) // 2))
                data[begin : begin + 200] = rng.bytes(200)
            else:
                reach = len(data) if kind == "bits" else 1500
                for position in rng.integers(reach, size=12):
                    data[position] ^= 1 << int(rng.integers(8))
            damaged.append(tmp_path / f"{len(damaged)}_{kind}_{source}")
            damaged[-1].write_bytes(data)
    results = read_in_another_process(damaged, 90)
    for _, got in results:
        if got != 8:
            assert_one_sentence(got)
    assert any(got == 8 for _, got in results) and any(got != 8 for _, got in results)


def test_limits_hold_for_what_the_header_does_not_say(inputs: Path) -> None:
    """Transport streams carry no number of frames: the walk itself must stop."""
    with pytest.raises(VideoError, match=r"longer than the limit of 1\.0 s"):
        probe(inputs / "whole.ts", Limits(max_duration_s=1.0))
