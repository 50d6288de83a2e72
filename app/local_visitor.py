"""Whether somebody sits at the machine that the page runs on."""

from collections.abc import Iterable

import gradio as gr

from app.settings import Settings

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_FORWARDING = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


def is_local(settings: Settings, request: gr.Request | None) -> bool:
    """Whether the visitor may name folders of this machine: nobody else can reach the page.

    The app then listens on the loopback address alone and the request comes from there, not
    through a server that passes on what others ask.
    """
    if settings.host not in _LOOPBACK or request is None or request.client is None:
        return False
    return request.client.host in _LOOPBACK and not _passed_on(request.headers)


def _passed_on(headers: Iterable[str]) -> bool:
    return any(name.lower() in _FORWARDING for name in headers)
