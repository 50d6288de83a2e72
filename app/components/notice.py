"""The one line in each tab that says what runs, what is out of date, or what went wrong."""

import functools
import logging
import secrets
from collections.abc import Callable, Iterator
from html import escape

import gradio as gr

from app.errors import READABLE_ERRORS

_LOG = logging.getLogger(__name__)


def _line(kind: str, text: str, role: str = "status") -> str:
    return f'<div class="notice notice-{kind}" role="{role}">{escape(text)}</div>'


def empty_notice() -> str:
    """The line at rest: it keeps its height so that nothing moves when it speaks."""
    return _line("idle", "")


def working(stage: str) -> str:
    """The stage that runs now, in a few words."""
    return _line("working", f"{stage} \N{HORIZONTAL ELLIPSIS}")


def done(text: str) -> str:
    return _line("done", text)


def stale(text: str) -> str:
    """Results stand below that belong to an earlier selection."""
    return _line("stale", text)


def failed(text: str) -> str:
    """One sentence in the place of a result that did not come."""
    return _line("failed", text, role="alert")


def stopped() -> str:
    """The line after the visitor cancelled a run."""
    return done("Stopped. What had arrived stays below.")


def plain_sentence(error: Exception) -> str:
    """What to tell the visitor about `error`; the unexpected is logged under a number."""
    if isinstance(error, READABLE_ERRORS):
        return str(error)
    number = secrets.token_hex(3)
    _LOG.error("Unexpected error %s", number, exc_info=error)
    return (
        "Something went wrong that this page did not foresee; the earlier result stays. "
        f"The server's log explains it under number {number}."
    )


def guarded(notice: gr.HTML) -> Callable[[Callable], Callable]:
    """Decorator for generator callbacks: an error becomes a sentence in `notice`."""

    def decorate(
        callback: Callable[..., Iterator[dict]],
    ) -> Callable[..., Iterator[dict]]:
        @functools.wraps(callback)
        def with_notice(*values):
            try:
                yield from callback(*values)
            except Exception as error:
                yield {notice: failed(plain_sentence(error))}

        return with_notice

    return decorate
