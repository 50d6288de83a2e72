"""The compressed frames of a clip: how many, when each is shown, where decoding may start."""

from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from analysis.video.container import (
    decoded_frames,
    open_container,
    packets,
    quarter_turns,
    wind,
)
from analysis.video.limits import Limits, VideoError

_FALLBACK_RATE = 25.0


@dataclass(frozen=True, eq=False)
class Packets:
    """What one walk through a file found; only the first frame was decoded.

    container: FFmpeg's first name of the format ("mov" for MP4), codec: of the codec ("h264").
    width, height: pixels of the first frame, upright.
    announced: frames the header promises, 0 where it promises none.
    seen: packets met, those included that an edit list hides.
    pts: int64 stamps in file order, in ticks of `tick_s` seconds; counted where not `stamped`.
    key_pts: int64 sorted stamps of key frames.
    last_duration: ticks for which the last frame is shown, 0 where unknown.
    rate: nominal frames per second.
    open_gop: some frames are shown before the key frame they are stored behind; whoever starts
        at that key frame does not get them.
    whole: nothing odd was met on the way.
    """

    container: str
    codec: str
    width: int
    height: int
    announced: int
    seen: int
    pts: np.ndarray
    key_pts: np.ndarray
    stamped: bool
    last_duration: int
    tick_s: float
    rate: float
    open_gop: bool
    whole: bool

    @property
    def seekable(self) -> bool:
        """Whether winding to a key frame lands on it; other containers only estimate."""
        return self.container in ("mov", "matroska")

    def times(self) -> tuple[np.ndarray, float]:
        """Seconds of each frame after the first, sorted, and the duration of the whole."""
        if not self.stamped:
            return np.arange(len(self.pts)) / self.rate, len(self.pts) / self.rate
        pts = np.sort(self.pts)
        times_s = (pts - pts[0]) * self.tick_s
        return times_s, float(times_s[-1] + (self.last_duration * self.tick_s or 1 / self.rate))


def collect_packets(file: Path, limits: Limits) -> Packets:
    """Walks through a file once.

    Raises VideoError where it is no video, holds no frame that decodes, or exceeds the limits;
    the walk ends as soon as the duration does.
    """
    with open_container(file) as (container, stream):
        context = stream.codec_context
        limits.check_pixels(file.name, context.width, context.height)
        codec = context.codec.canonical_name
        rate = float(stream.average_rate or stream.guessed_rate or _FALLBACK_RATE)
        tally = _Tally(file.name, stream, limits)
        for packet in packets(container, stream):
            tally.add(packet)
        first = tally.first_frame
        if first is None:
            raise VideoError(
                f'Not one frame of "{file.name}" could be decoded (codec {codec}): the file is '
                "damaged or uses an unknown variant; copy or export it again."
            )
        sideways = quarter_turns(first) % 2
        kind = container.format.name.split(",")[0]
        # AVI stores no times: its stamps follow the order of storage, not that of showing.
        stamped = kind != "avi" and None not in tally.pts
        return Packets(
            container=kind,
            codec=codec,
            width=first.height if sideways else first.width,
            height=first.width if sideways else first.height,
            announced=stream.frames,
            seen=tally.seen,
            pts=np.array(tally.pts if stamped else range(len(tally.pts)), dtype=np.int64),
            key_pts=np.array(sorted(tally.key_pts), dtype=np.int64),
            stamped=stamped,
            last_duration=tally.last_duration,
            tick_s=tally.tick_s,
            rate=rate,
            open_gop=tally.open_gop,
            whole=tally.whole,
        )


def without_lost_tail(file: Path, found: Packets) -> Packets:
    """The same without packets after the last key frame that no longer decode."""
    if not found.stamped or not len(found.key_pts):
        return found
    last_key = int(found.key_pts[-1])
    with open_container(file) as (container, stream):
        wind(container, stream, last_key)
        alive = [f.pts for f in decoded_frames(container, stream) if f.pts is not None]
    kept = found.pts[(found.pts < last_key) | np.isin(found.pts, alive)]
    return replace(found, pts=kept if len(kept) else found.pts[:1])


class _Tally:
    """Running account of one walk."""

    def __init__(self, name: str, stream: VideoStream, limits: Limits):
        self.name, self.stream, self.limits = name, stream, limits
        self.tick_s = float(stream.time_base)
        self.seen, self.whole, self.open_gop, self.last_duration = 0, True, False, 0
        self.pts: list[int | None] = []
        self.key_pts: list[int] = []
        self.first_frame: VideoFrame | None = None
        self._first: int | None = None
        self._last: int | None = None

    def add(self, packet: Packet | None) -> None:
        if self.first_frame is None:
            self._try_decoding(packet)
        self.whole = self.whole and packet is not None and not packet.is_corrupt
        if packet is None or not packet.size:
            return
        self.seen += 1
        if packet.is_discard:
            return
        self.pts.append(packet.pts)
        if packet.pts is None:
            return
        if packet.is_keyframe:
            self.key_pts.append(packet.pts)
        elif self.key_pts and packet.pts < self.key_pts[-1]:
            self.open_gop = True
        if self._first is None or packet.pts < self._first:
            self._first = packet.pts
        if self._last is None or packet.pts > self._last:
            self._last, self.last_duration = packet.pts, max(packet.duration or 0, 0)
        self.limits.check_duration(self.name, (self._last - self._first) * self.tick_s)

    def _try_decoding(self, packet: Packet | None) -> None:
        try:
            frames = self.stream.decode(packet)
        except av.FFmpegError:
            self.whole = False
            return
        if frames:
            self.first_frame = frames[0]
            self.limits.check_pixels(self.name, frames[0].width, frames[0].height)
