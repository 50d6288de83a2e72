"""What every tab receives: the shared selection, the caches behind it and the shared figures.

A tab calls `context.panel(name)` where its notice line should stand, lays out its own widgets, and
wires its callbacks last. The shell wires the sidebar to the panels after all tabs are built.
"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import gradio as gr

from app.components.notice import empty_notice, guarded
from app.selection import Selection
from app.session import Session
from app.settings import Settings

HEAVY = {"concurrency_id": "heavy", "concurrency_limit": 1}
"""Keyword arguments of every event that runs a model: they share one queue, one at a time."""


ANEW, RECALL = "anew", "recall"
"""What a visitor asks of a tab: to compute now, or to show what is known and compute the rest."""


@dataclass(frozen=True)
class Panel:
    """How the shell talks to one tab."""

    name: str
    notice: gr.HTML
    """One line of fixed height: what runs, what is stale, or what went wrong."""
    request: gr.State
    """The Selection the tab must compute by itself: listen to `request.change` with a callback
    made by `computing`."""
    shown: gr.State
    """The Selection whose results stand in the tab now, or None."""
    automatic: Callable[[Selection], bool]
    """Whether the tab's work for a selection is quick enough to start without a click."""

    def computing(self, callback: Callable[..., Iterator[dict]]) -> Callable[..., Iterator[dict]]:
        """Decorator for the generator that fills the tab; errors become a sentence in `notice`.

        Its first input says who asks: ANEW, RECALL or the value of `request`. Browsers report
        states that were left as they are, so a request of None is not one and nothing happens.
        """

        @guarded(self.notice)
        @functools.wraps(callback)
        def when_asked(asked, *values):
            if asked is None:
                yield {self.notice: gr.skip()}
            else:
                yield from callback(asked, *values)

        return when_asked


@dataclass(frozen=True)
class AppContext:
    """The shared parts of one built page."""

    settings: Settings
    session: Session
    clip: gr.State
    model: gr.Dropdown
    frames: gr.Dropdown
    resolution: gr.Dropdown
    scan_order: gr.Dropdown
    note: gr.HTML
    """How the setting relates to the trained one and what an answer costs (`setting_note`)."""
    filmstrip: gr.HTML
    open_tab: gr.State
    opened_mask: gr.State
    """The MaskSetting that an opened link asks for until it is drawn, or None."""
    changed: gr.State
    """The Selection the sidebar settled on. Listen to its `change`, not to the single menus: while
    one model's choices replace another's, the menus do not fit each other."""
    panels: list[Panel] = field(default_factory=list)

    @property
    def selection_inputs(self) -> list[gr.components.Component]:
        """Components to list as inputs; their values are what `Selection(*values)` takes."""
        return [self.clip, self.model, self.frames, self.resolution, self.scan_order]

    def panel(self, name: str, automatic: Callable[[Selection], bool]) -> Panel:
        """Place the notice line here and register the tab `name` with the shell."""
        panel = Panel(
            name=name,
            notice=gr.HTML(
                empty_notice(),
                apply_default_css=False,
                elem_id=f"{name}-notice",
                elem_classes="notice-line",
            ),
            request=gr.State(None),
            shown=gr.State(None),
            automatic=automatic,
        )
        self.panels.append(panel)
        return panel
