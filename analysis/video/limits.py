"""What the video room refuses to read, and the one error it raises."""

from dataclasses import dataclass


class VideoError(Exception):
    """A clip could not be read. Its text is one sentence, fit to be shown to the user as it is."""


@dataclass(frozen=True)
class Limits:
    """Largest clip that is read.

    max_bytes: size of the file.
    max_duration_s: seconds from the first frame to the end of the last one.
    max_pixels: width times height of one stored frame.
    """

    max_bytes: int = 2**30
    max_duration_s: float = 3600.0
    max_pixels: int = 4096 * 2304

    def check_bytes(self, name: str, file_bytes: int) -> None:
        """Raises VideoError where the file is larger than `max_bytes`."""
        if file_bytes > self.max_bytes:
            raise VideoError(
                f'"{name}" has {_megabytes(file_bytes)}, more than the limit of '
                f"{_megabytes(self.max_bytes)}; cut it shorter or compress it."
            )

    def check_duration(self, name: str, duration_s: float) -> None:
        """Raises VideoError where the clip is longer than `max_duration_s`."""
        if duration_s > self.max_duration_s:
            raise VideoError(
                f'"{name}" lasts {duration_s:,.1f} s, longer than the limit of '
                f"{self.max_duration_s:,.1f} s; cut out the part of interest."
            )

    def check_pixels(self, name: str, width: int, height: int) -> None:
        """Raises VideoError where one frame has more than `max_pixels` pixels."""
        if width * height > self.max_pixels:
            raise VideoError(
                f'"{name}" has frames of {width} x {height} ({width * height / 1e6:.1f} million '
                f"pixels), more than the limit of {self.max_pixels / 1e6:.1f} million; "
                "scale it down, for example to 1920 x 1080."
            )


DEFAULT_LIMITS = Limits()


def _megabytes(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB"
