"""Clips that know their frame numbers, encoded on the spot with PyAV."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from analysis.video import probe

DARKEST, STEP = 16, 6


def numbered_frame(number: int, width: int, height: int) -> np.ndarray:
    """A grey frame whose level tells its number, with a red patch in the top left corner."""
    frame = np.full((height, width, 3), min(DARKEST + STEP * number, 255), dtype=np.uint8)
    frame[: height // 3, : width // 3] = (255, 0, 0)
    return frame


def read_numbers(frames: np.ndarray) -> list[int]:
    """Frame numbers from the grey level around the middle of each frame."""
    _, height, width, _ = frames.shape
    middle = frames[:, height * 3 // 8 : height * 5 // 8, width * 3 // 8 : width * 5 // 8]
    return np.round((middle.mean(axis=(1, 2, 3)) - DARKEST) / STEP).astype(int).tolist()


def write_clip(path: Path, *choices, **named_choices) -> Path:
    """A clip of numbered frames, encoded in a thread of its own.

    Run by root, SVT-AV1 gives the thread that calls it real-time priority; processes started from
    that thread later would inherit it and starve the machine.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_write_clip, path, *choices, **named_choices).result()


def _write_clip(
    path: Path,
    codec: str = "libx264",
    width: int = 96,
    height: int = 64,
    frames: int = 40,
    rate: int = 20,
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    times_ms: list[int] | None = None,
    rotation: int = 0,
) -> Path:
    with av.open(str(path), "w", container_options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        if times_ms:
            stream.codec_context.time_base = Fraction(1, 1000)
        if rotation:
            stream.set_display_rotation(rotation)
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(numbered_frame(number, width, height), "rgb24")
            frame = frame.reformat(format=pixel_format)
            if times_ms:
                frame.pts, frame.time_base = times_ms[number], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session", autouse=True)
def quiet_encoders() -> Iterator[None]:
    before = os.environ.get("SVT_LOG")
    os.environ["SVT_LOG"] = "0"
    yield
    if before is None:
        del os.environ["SVT_LOG"]
    else:
        os.environ["SVT_LOG"] = before


@pytest.fixture(scope="session", name="write_clip")
def write_clip_fixture() -> Callable[..., Path]:
    return write_clip


@pytest.fixture(scope="session", name="read_numbers")
def read_numbers_fixture() -> Callable[[np.ndarray], list[int]]:
    return read_numbers


@pytest.fixture
def fresh_index() -> Iterator[None]:
    """Forgets indexes built before and during the test."""
    probe._build_index.cache_clear()
    yield
    probe._build_index.cache_clear()
