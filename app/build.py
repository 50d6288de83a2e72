"""The page of contents: the shell, and one line per tab."""

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from app.api import build_api
from app.components.filmstrip import build_filmstrip
from app.components.masthead import build_masthead
from app.components.notice import done, empty_notice, failed, plain_sentence, stale
from app.components.setting_note import setting_note
from app.components.sidebar import (
    SidebarParts,
    build_sidebar,
    default_card,
    wire_sidebar,
)
from app.context import AppContext
from app.figures.film import film
from app.figures.number_format import duration
from app.selection import Selection
from app.session import Session, planned
from app.settings import Settings
from app.tabs.attribution import build_attribution
from app.tabs.hidden_states import build_hidden_states
from app.tabs.learn import build_learn
from app.tabs.predict import build_predict
from app.tabs.results import build_results
from app.tabs.scan_lab import build_scan_lab
from app.tabs.what_if import build_what_if

STALE = "These results are of the earlier choice; press the button to renew them"
WAITING = "Press the button to begin"


@dataclass(frozen=True)
class Tab:
    name: str
    title: str
    build: Callable[[AppContext], None]


TABS = (
    Tab("predict", "Predict", build_predict),
    Tab("scan_lab", "Scan lab", build_scan_lab),
    Tab("hidden_states", "Hidden states", build_hidden_states),
    Tab("attribution", "Attribution", build_attribution),
    Tab("what_if", "What if", build_what_if),
    Tab("results", "Results", build_results),
    Tab("learn", "Learn", build_learn),
)


def build_app(settings: Settings, session: Session | None = None) -> gr.Blocks:
    """The whole page, connected; it can be built more than once in one process."""
    session = session or Session(settings)
    with gr.Blocks(
        title="ScanScope",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(3600, settings.keep_uploads_s),
    ) as app:
        parts = build_sidebar(settings)
        build_masthead()
        context = AppContext(
            settings=settings,
            session=session,
            clip=parts.clip,
            model=parts.model,
            frames=parts.frames,
            resolution=parts.resolution,
            scan_order=parts.scan_order,
            note=parts.note,
            filmstrip=build_filmstrip(),
            open_tab=gr.State(TABS[0].name),
            changed=gr.State(None),
        )
        build_api(session, default_card(settings).name)  # first: its names are the public ones
        items = _build_tabs(context)
        _wire_filmstrip(context, parts)
        _wire_panels(app, context, items, parts)
    app.queue(max_size=settings.queue_size, api_open=False)
    return app


def _build_tabs(context: AppContext) -> dict[str, gr.Tab]:
    items = {}
    with gr.Tabs(elem_id="tabs"):
        for tab in TABS:
            with gr.Tab(tab.title, id=tab.name, elem_id=f"tab-{tab.name}") as items[tab.name]:
                tab.build(context)
    return items


def _wire_filmstrip(context: AppContext, parts: SidebarParts) -> None:
    """Show the frames of the selection whatever tab is open; no weights are needed for it."""

    def show(selection: Selection) -> dict:
        try:
            sampled = context.session.sampled(selection)
            grid = planned(selection).config.token_grid
        except Exception as error:
            return {parts.clip_notice: failed(plain_sentence(error))}
        return {context.filmstrip: film(sampled, grid)}

    context.changed.change(
        show,
        context.changed,
        [context.filmstrip, parts.clip_notice],
        concurrency_limit=2,
        trigger_mode="always_last",
        show_progress="hidden",
        api_visibility="private",
    )


def _wire_panels(
    app: gr.Blocks,
    context: AppContext,
    items: dict[str, gr.Tab],
    parts: SidebarParts,
) -> None:
    """Let every panel know when the selection changes or its tab is opened."""
    panels = context.panels

    def announce(open_tab: str, *values) -> dict:
        selection = Selection(*values[: len(context.selection_inputs)])
        shown_selections = values[len(context.selection_inputs) :]
        updates = {
            context.changed: selection,
            parts.note: setting_note(selection, context.session),
        }
        for panel, shown in zip(panels, shown_selections, strict=True):
            if shown == selection:
                updates[panel.notice] = empty_notice()
            elif panel.name == open_tab and panel.automatic(selection):
                updates[panel.request] = selection
            elif shown is not None:
                updates[panel.notice] = stale(f"{STALE}{_cost(context.session, selection)}.")
            else:
                updates[panel.notice] = done(f"{WAITING}{_cost(context.session, selection)}.")
        return updates

    inputs = [context.open_tab, *context.selection_inputs]
    inputs += [panel.shown for panel in panels]
    outputs = [context.changed, parts.note]
    outputs += [part for panel in panels for part in (panel.notice, panel.request)]
    # In the queue, because only there do changes of a gr.State reach their listeners.
    quiet = {
        "concurrency_limit": None,
        "show_progress": "hidden",
        "api_visibility": "private",
    }
    for event in wire_sidebar(parts):
        event.then(announce, inputs, outputs, **quiet)
    for name, item in items.items():
        item.select(_name_of(name), None, context.open_tab, **quiet).then(
            announce, inputs, outputs, **quiet
        )
    app.load(announce, inputs, outputs, **quiet)


def _cost(session: Session, selection: Selection) -> str:
    if session.quick(selection):
        return ""
    return f": about {duration(session.estimate_ms(selection))} an answer"


def _name_of(name: str) -> Callable[[], str]:
    def opened() -> str:
        return name

    return opened
