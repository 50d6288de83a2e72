"""Videos that the page plays: each under an address that nobody can guess."""

import secrets
from pathlib import Path
from threading import Lock

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route

PREFIX = "videos"
_TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
}
_MOST = 10_000


class VideoAddresses:
    """Addresses of one running app. A server serves no other file than those named here."""

    def __init__(self):
        self._tokens: dict[Path, str] = {}
        self._lock = Lock()

    def address(self, path: Path) -> str:
        """Where a browser that has the page finds a file, relative to the page."""
        with self._lock:
            if path not in self._tokens and len(self._tokens) >= _MOST:
                del self._tokens[next(iter(self._tokens))]
            token = self._tokens.setdefault(path, secrets.token_urlsafe(16))
        return f"{PREFIX}/{token}"

    def route(self) -> Route:
        """What the server needs to answer; parts of a file are given where they are asked for."""
        return Route(f"/{PREFIX}/{{token}}", self._serve, methods=["GET", "HEAD"])

    def _serve(self, request: Request) -> FileResponse:
        asked = request.path_params["token"]
        with self._lock:
            path = next((path for path, token in self._tokens.items() if token == asked), None)
        if path is None or not path.is_file():
            raise HTTPException(404)
        media_type = _TYPES.get(path.suffix.lower(), "application/octet-stream")
        headers = {"Cache-Control": "private", "X-Content-Type-Options": "nosniff"}
        return FileResponse(path, media_type=media_type, headers=headers)
