"""Reading frames with decord, the fast path.

A decord reader shared between threads aborts the process, so each call here makes its own and
lets it go before returning.
"""

from pathlib import Path

import numpy as np

from analysis.video.container import DECODE_THREADS

try:
    import decord
except ImportError:  # No wheel for this platform: PyAV reads everything.
    decord = None
else:
    decord.logging.set_level(decord.logging.QUIET)


def agrees(path: Path, times_s: np.ndarray) -> bool:
    """Whether decord sees the same frames, at the same times, as the index of the file.

    False where decord cannot open the file (AV1, GIF) and where it would hand out wrong frames
    without saying so (MPEG program streams, hidden frames of an edit list).
    """
    if decord is None:
        return False
    # Whatever decord raises, PyAV gets its turn: hence the wide net, here and below.
    try:
        reader = decord.VideoReader(str(path), num_threads=DECODE_THREADS)
        if len(reader) != len(times_s):
            return False
        starts = reader.get_frame_timestamp([0, len(times_s) // 2, len(times_s) - 1])[:, 0]
    except Exception:
        return False
    ours = times_s[[0, len(times_s) // 2, len(times_s) - 1]]
    return bool(np.abs(starts - starts[0] - ours).max() < 0.005)


def read(path: Path, positions: np.ndarray, width: int, height: int) -> np.ndarray | None:
    """uint8 (T, height, width, 3) RGB, upright, or None where decord fails.

    positions: sorted frame numbers. Only frames on the way from the key frame before each are
    decoded, and they are scaled as they are decoded.
    """
    try:
        reader = decord.VideoReader(
            str(path), width=width, height=height, num_threads=DECODE_THREADS
        )
        return reader.get_batch(positions.tolist()).asnumpy()
    except Exception:
        return None
