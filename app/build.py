"""The page of contents: the shell, and one line per tab."""

from collections.abc import Callable
from dataclasses import astuple, dataclass

import gradio as gr

from app.api import build_api
from app.components.filmstrip import build_filmstrip
from app.components.masthead import build_masthead, page_link
from app.components.notice import done, empty_notice, failed, plain_sentence, stale
from app.components.packed import packed
from app.components.setting_note import setting_note
from app.components.sidebar import (
    SidebarParts,
    build_sidebar,
    default_card,
    sidebar_values,
    wire_sidebar,
)
from app.context import AppContext
from app.figures.film import film
from app.figures.number_format import duration
from app.permalink import Place, link_note, link_parameters, read_link
from app.report.saving import build_report_endpoint, place_report, wire_report
from app.selection import Selection
from app.session import Session, planned
from app.settings import Settings
from app.tabs.adapters import build_adapters
from app.tabs.attribution import build_attribution
from app.tabs.cost import build_cost
from app.tabs.hidden_states import build_hidden_states
from app.tabs.learn import build_learn
from app.tabs.masking import build_masking
from app.tabs.predict import build_predict
from app.tabs.results import build_results
from app.tabs.retrieval import build_retrieval
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
    Tab("adapters", "Adapters", build_adapters),
    Tab("masking", "Masking", build_masking),
    Tab("cost", "Cost", build_cost),
    Tab("retrieval", "Retrieval", build_retrieval),
    Tab("results", "Results", build_results),
    Tab("learn", "Learn", build_learn),
)


@dataclass(frozen=True)
class Address:
    """What the page's address is written by and what an opened one changes."""

    masthead: gr.HTML
    notice: gr.HTML
    tabs: gr.Tabs


def build_app(settings: Settings, session: Session | None = None) -> gr.Blocks:
    """The whole page, connected; it can be built more than once in one process."""
    session = session or Session(settings)
    with gr.Blocks(
        title="ScanScope",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(3600, settings.keep_uploads_s),
    ) as app:
        # While the page is empty: it describes every component there is, as leaving the block does.
        app.queue(max_size=settings.queue_size, api_open=False)
        parts = build_sidebar(settings)
        masthead = build_masthead()
        link_notice = gr.HTML(empty_notice(), apply_default_css=False, elem_id="link-notice")
        with gr.Column(elem_id="film-place"):
            filmstrip, report = build_filmstrip(), place_report()
        context = AppContext(
            settings=settings,
            session=session,
            clip=parts.clip,
            model=parts.model,
            frames=parts.frames,
            resolution=parts.resolution,
            scan_order=parts.scan_order,
            note=parts.note,
            filmstrip=filmstrip,
            open_tab=gr.State(TABS[0].name),
            opened_mask=gr.State(None),
            changed=gr.State(None),
        )
        build_api(session, default_card(settings).name)  # first: its names are the public ones
        address = Address(masthead, link_notice, _build_tabs(context))
        _wire_filmstrip(context, parts)
        wire_report(context, report)
        build_report_endpoint(session, context.model.value)
        _wire_panels(app, context, parts, address)
        _wire_leaving(app, session)
    _keep_progress_to(link_notice, app)
    return app


def _keep_progress_to(component: gr.HTML, app: gr.Blocks) -> None:
    """Of events that show no progress, let one component hear, not every output.

    At each step of any event Gradio's page tells all components that ever heard of one, and looks
    each up among all: with the outputs of a whole page that took it seconds.
    """
    for event in app.fns.values():
        if event.show_progress == "hidden" and event.show_progress_on is None:
            event.show_progress_on = [component]


def _build_tabs(context: AppContext) -> gr.Tabs:
    with gr.Tabs(elem_id="tabs", overflow_behavior="wrap") as tabs:
        for tab in TABS:
            with gr.Tab(tab.title, id=tab.name, elem_id=f"tab-{tab.name}"):
                tab.build(context)
    return tabs


def _wire_filmstrip(context: AppContext, parts: SidebarParts) -> None:
    """Show the frames of the selection whatever tab is open; no weights are needed for it."""

    def show(selection: Selection) -> dict:
        try:
            sampled = context.session.sampled(selection)
            grid = planned(selection).config.token_grid
        except Exception as error:
            return {parts.clip_notice: failed(plain_sentence(error))}
        return {context.filmstrip: packed(film(sampled, grid))}

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
    parts: SidebarParts,
    address: Address,
) -> None:
    """Let every panel know when the selection changes or its tab is opened."""
    panels, requests = context.panels, [panel.request for panel in context.panels]
    first = Selection(*(part.value for part in context.selection_inputs))

    def linked(selection: Selection, tab: str, place: Place | None = None) -> dict:
        parameters = link_parameters(selection, tab, first, TABS[0].name)
        return {address.masthead: page_link(parameters, link_note(selection), place)}

    def announce(open_tab: str, *values) -> dict:
        selection = Selection(*values[: len(context.selection_inputs)])
        shown_selections = values[len(context.selection_inputs) :]
        updates = {
            context.changed: selection,
            parts.note: setting_note(selection, context.session),
            **linked(selection, open_tab),
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

    def begin(open_tab: str, *values) -> dict:
        """What `announce` asks of panels."""
        updates = announce(open_tab, *values)
        return {request: updates.get(request, gr.skip()) for request in requests}

    def open_page(request: gr.Request, open_tab: str, *values) -> dict:
        """Show what the address asks for, before any panel is told to begin: a panel reads the
        menus, and the browser tells of them only once they stand."""
        link = read_link(request.query_params, first, [tab.name for tab in TABS])
        shown_selections = values[len(context.selection_inputs) :]
        updates = announce(link.tab or open_tab, *astuple(link.selection), *shown_selections)
        updates = {part: update for part, update in updates.items() if part not in requests}
        updates |= linked(link.selection, link.tab or open_tab, link.place)
        updates[context.opened_mask] = link.mask
        if link.selection != first:
            updates |= sidebar_values(parts, link.selection)
        if link.tab:
            updates |= {context.open_tab: link.tab, address.tabs: gr.Tabs(selected=link.tab)}
        if link.complaints:
            updates[address.notice] = failed(" ".join(link.complaints))
        return updates

    inputs = [context.open_tab, *context.selection_inputs]
    inputs += [panel.shown for panel in panels]
    standing = [context.changed, parts.note, address.masthead, *(panel.notice for panel in panels)]
    outputs = [*standing, *requests]
    # In the queue, because only there do changes of a gr.State reach their listeners.
    quiet = {
        "concurrency_limit": None,
        "show_progress": "hidden",
        "api_visibility": "private",
    }
    for event in wire_sidebar(parts):
        event.then(announce, inputs, outputs, **quiet)
        event.then(empty_notice, None, address.notice, **quiet)
    # Of the row, not of a tab: a tab reports it too when it is the one that the page opens with.
    address.tabs.select(_opened_tab, None, context.open_tab, **quiet).then(
        announce, inputs, outputs, **quiet
    )
    opened = [
        context.open_tab,
        context.opened_mask,
        address.tabs,
        address.notice,
        *context.selection_inputs,
    ]
    opened += [parts.picker, parts.card]
    app.load(open_page, inputs, [*standing, *opened], **quiet).then(
        begin, inputs, requests, **quiet
    )


def _cost(session: Session, selection: Selection) -> str:
    if session.quick(selection):
        return ""
    return f": about {duration(session.estimate_ms(selection))} an answer"


def _wire_leaving(app: gr.Blocks, session: Session) -> None:
    """End what nobody is waiting for any more."""

    def leave(request: gr.Request) -> None:
        session.cost_runs.stop(request.session_hash)

    app.unload(leave)


def _opened_tab(event: gr.SelectData) -> str:
    return TABS[event.index].name
