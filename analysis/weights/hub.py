"""Checkpoint files on this machine, fetched from the Hugging Face hub when they are not here."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from analysis.weights.card import WeightsCard, WeightsError
from analysis.weights.shipped import SHIPPED_FOLDER

FOLDER_VARIABLE = "SCANSCOPE_CHECKPOINTS"

Progress = Callable[[float, str], object]


def download_folder() -> Path:
    """Where files placed by hand are looked for: ``$SCANSCOPE_CHECKPOINTS`` or
    ``checkpoints/downloads``."""
    return Path(os.environ.get(FOLDER_VARIABLE) or SHIPPED_FOLDER / "downloads")


def local_checkpoint(card: WeightsCard) -> Path | None:
    """The file of ``card`` on this machine; None when it is not here.

    Looks beside the shipped checkpoints, in ``download_folder()``, then in the hub's own cache.
    """
    if card.file is None:
        return None
    for folder in (SHIPPED_FOLDER, download_folder()):
        if (folder / card.file).is_file():
            return folder / card.file
    if card.hub_repo is None:
        return None
    # Imported here: the client takes a noticeable part of a second, and most runs need no hub.
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(card.hub_repo, card.file)
    return Path(cached) if isinstance(cached, str) else None


def fetch_checkpoint(card: WeightsCard, progress: Progress | None = None) -> Path:
    """The file of ``card``, fetched into the hub's cache when it is not on this machine.

    ``progress(fraction, message)`` is called with a fraction in 0..1 while the file arrives;
    without it a bar is drawn on the terminal. Raises WeightsError saying why it could not be
    fetched and where to place the file by hand.
    """
    if found := local_checkpoint(card):
        return found
    if card.hub_repo is None:
        raise WeightsError(f"{card.name} is shipped as {card.file}, which is not in checkpoints/.")
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    try:
        # Without a network the download itself would retry for half a minute; this asks once.
        get_hf_file_metadata(hf_hub_url(card.hub_repo, card.file), timeout=5)
        return Path(
            hf_hub_download(
                card.hub_repo,
                card.file,
                tqdm_class=_reporting_bar(progress, card.file) if progress else None,
            )
        )
    except Exception as error:  # the client raises its own, httpx's and the system's errors
        raise WeightsError(
            f"{card.file} could not be fetched from {card.hub_repo} on the Hugging Face hub "
            f"({_reason(error)}); fetch it on another machine and place it as "
            f"{_shown(download_folder() / card.file)}, or set {FOLDER_VARIABLE} to its folder."
        ) from error


def _shown(path: Path) -> str:
    """Relative to the project where possible: shorter, and it names nobody's home folder."""
    root = SHIPPED_FOLDER.parent
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def _reason(error: Exception) -> str:
    from huggingface_hub import errors

    reasons: tuple[tuple[type[Exception], str], ...] = (
        (errors.GatedRepoError, "access to it must be asked for"),
        (errors.RepositoryNotFoundError, "the hub knows no such repository or refuses access"),
        (errors.RemoteEntryNotFoundError, "the hub has no such file"),
        (errors.HfHubHTTPError, "the hub answered with an error"),
        (errors.OfflineModeIsEnabled, "offline mode is on"),
        (errors.LocalEntryNotFoundError, "no connection to the hub"),
        (errors.HTTPError, "no connection to the hub"),
    )
    for kind, reason in reasons:
        if isinstance(error, kind):
            return reason
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__


def _reporting_bar(progress: Progress, name: str) -> type:
    """A tqdm class that reports to ``progress`` and draws nothing."""
    from tqdm import tqdm

    class ReportingBar(tqdm):
        def __init__(self, *args, **kwargs):
            self._received = kwargs.get("initial") or 0
            super().__init__(*args, **{**kwargs, "disable": True})
            self.total = kwargs.get("total")

        def update(self, n: float | None = 1) -> None:
            self._received += n or 0
            if self.total:
                progress(min(self._received / self.total, 1.0), f"fetching {name}")

    return ReportingBar
