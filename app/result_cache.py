"""Results that were computed before, kept in memory and as JSON files between runs."""

import hashlib
import json
import os
import tempfile
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from threading import Lock

import analysis


@lru_cache(maxsize=1)
def code_hash() -> str:
    """SHA-256 over the sources of `analysis`: results of other code are never reused."""
    digest = hashlib.sha256()
    root = Path(analysis.__file__).parent
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@lru_cache(maxsize=256)
def _digest_of(path: str, modified_ns: int, size: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_hash(path: str | Path) -> str:
    """SHA-256 of a file's bytes, read once per version of the file."""
    status = os.stat(path)
    return _digest_of(str(path), status.st_mtime_ns, status.st_size)


class ResultCache:
    """JSON-ready dicts by key; at most `limit` in memory and on disk, the oldest leave first.

    Safe to use from several threads. A file that cannot be read counts as absent, and a folder
    that cannot be written leaves the cache in memory only.
    """

    def __init__(self, folder: Path, limit: int):
        self._folder = folder
        self._limit = limit
        self._kept: OrderedDict[str, dict] = OrderedDict()
        self._lock = Lock()

    def get(self, key: str) -> dict | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        try:
            payload = json.loads(self._file(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        self._hold(key, payload)
        return payload

    def put(self, key: str, payload: dict) -> None:
        self._hold(key, payload)
        text = json.dumps(payload)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._folder, suffix=".part")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(temporary, self._file(key))
            self._drop_oldest()
        except OSError:
            return

    def _file(self, key: str) -> Path:
        return self._folder / f"{key}.json"

    def _hold(self, key: str, payload: dict) -> None:
        with self._lock:
            self._kept[key] = payload
            self._kept.move_to_end(key)
            while len(self._kept) > self._limit:
                self._kept.popitem(last=False)

    def _drop_oldest(self) -> None:
        files = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        for path in files[: max(0, len(files) - self._limit)]:
            path.unlink(missing_ok=True)
