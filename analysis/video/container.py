"""Opening a local file with PyAV and walking through it, damage included.

Every clip is opened here first, before any other decoder sees it: this decides whether the file
is a video at all and says so in words when it is not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from analysis.video.limits import VideoError

# Playlist formats (HLS, DASH, concat) make FFmpeg open further files and addresses that the text
# of an upload names. Only formats that carry their own pictures or sound are let in.
_FORMATS = (
    "mov,matroska,avi,gif,mpegts,mpeg,asf,flv,ogg,ivf,h264,hevc,m4v,mpegvideo,mxf,mp3,wav,flac,aac"
)
_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}

_PICTURES = {
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
}
_EXPECTED = "a video (MP4, MOV, WebM, MKV, AVI or GIF) was expected"

# Two threads decode 4K about as fast as more, and each further one holds several whole frames.
DECODE_THREADS = 2


@contextmanager
def open_container(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Opens the file and gives the container with its first real video stream.

    Raises VideoError (one sentence) where the file is no video, is cut off before its index, has
    only sound, or uses a codec this FFmpeg cannot decode.
    """
    try:
        container = av.open(str(path), container_options=_OPTIONS, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise VideoError(_why_not_a_video(path)) from error
    with container:
        yield container, _video_stream(container, path)


def packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet | None]:
    """Compressed frames from the current position, then an empty packet that ends the stream.

    None comes last, in place of the empty packet, where damage makes going on impossible.
    """
    demuxed = container.demux(stream)
    while True:
        # IndexError: PyAV does not know streams that a damaged file announces half-way.
        try:
            packet = next(demuxed)
        except StopIteration:
            return
        except (av.FFmpegError, IndexError):
            yield None
            return
        yield packet


def decoded_frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Frames in display order from the current position; damaged packets are stepped over."""
    for packet in packets(container, stream):
        try:
            frames = stream.decode(packet)  # None, too, makes the decoder give what it holds.
        except av.FFmpegError:
            continue
        yield from frames


def wind(container: InputContainer, stream: VideoStream, pts: int) -> bool:
    """Winds to the key frame with this stamp; False, and nothing moved, where that fails."""
    try:
        container.seek(pts, stream=stream)
    except av.FFmpegError:
        return False
    return True


def quarter_turns(frame: VideoFrame) -> int:
    """Counter-clockwise quarter turns (0-3) that the file asks a player to apply."""
    return round(frame.rotation / 90) % 4


def to_rgb(frame: VideoFrame, width: int, height: int) -> np.ndarray:
    """uint8 (height, width, 3) RGB, turned upright; width and height are those of the result."""
    turns = quarter_turns(frame)
    if turns % 2:
        width, height = height, width
    pixels = frame.to_ndarray(format="rgb24", width=width, height=height, interpolation="BILINEAR")
    return np.rot90(pixels, turns)


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    if not container.streams:
        raise VideoError(_why_not_a_video(path))
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        carries = "only sound" if container.streams.audio else "no video stream"
        raise VideoError(f'"{path.name}" has {carries}; {_EXPECTED}.')
    stream = streams[0]
    if stream.codec_context is None:
        raise VideoError(
            f'"{path.name}" uses a video codec that cannot be decoded here; '
            "convert it, for example to MP4 with H.264."
        )
    # With whole frames on several threads, an error in one frame takes undamaged neighbours along.
    stream.thread_type = "SLICE"
    stream.codec_context.thread_count = DECODE_THREADS
    return stream


def _why_not_a_video(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        return f'"{path.name}" may not be opened; check that you are allowed to read it.'
    picture = next((kind for magic, kind in _PICTURES.items() if head.startswith(magic)), None)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        picture = "WebP"
    if picture:
        return f'"{path.name}" is a picture ({picture}); {_EXPECTED}.'
    if head[4:8] == b"ftyp":
        return (
            f'"{path.name}" begins as an MP4 or MOV video but its index is missing or damaged, as '
            "when a download or recording stops early; copy or export it again."
        )
    return (
        f'"{path.name}" does not hold a video that can be read; {_EXPECTED}, '
        "so convert it or choose another file."
    )
