"""Serve the page: what has to be ready before the first visitor, then the launch."""

import gc
import importlib
import logging
import os
import threading
import time
from contextlib import suppress

from analysis.ops.heap import keep_freed_memory
from app.answers import fresh_answer, in_own_setting
from app.build import build_app
from app.components.sidebar import default_card
from app.errors import READABLE_ERRORS
from app.example_clips import list_examples
from app.selection import Selection
from app.session import Session
from app.settings import Settings
from app.theme import ASSETS, STYLE_SHEETS, build_theme


def serve(settings: Settings, began: float) -> None:
    """Build the app, say where it is open, and serve until interrupted.

    `began` is when the process began, by `time.perf_counter`, for the time it took. The collection
    of garbage, which `app.py` puts off, begins once the page is open.
    """
    keep_freed_memory()
    os.environ.setdefault("GRADIO_TEMP_DIR", str(settings.cache_folder / "uploads"))
    session = Session(settings)
    app = build_app(settings, session)
    session.ready.clear()
    script = (ASSETS / "scanscope.js").read_text(encoding="utf-8")
    app.launch(
        server_name=settings.host,
        server_port=settings.port,
        theme=build_theme(),
        css_paths=list(STYLE_SHEETS),
        head=f"<script>{script}</script>",
        max_file_size=settings.upload_bytes,
        app_kwargs={"routes": [session.videos.route()]},
        prevent_thread_lock=True,
        footer_links=["api"],
        run_history=False,
        ssr_mode=False,
        share=False,
        quiet=True,
    )
    gc.freeze()  # what the page is made of stays as long as the process: no need to look through it
    gc.enable()
    print(f"ScanScope is open at {app.local_url} after {_seconds_since(began)}", flush=True)
    threading.Thread(target=warm_up, args=(session,), daemon=True).start()
    with suppress(KeyboardInterrupt):  # a second one, while the first is closing the server
        app.block_thread()


def warm_up(session: Session) -> None:
    """Answer the first example, then import the studies, so that no visitor waits for either."""
    card = default_card(session.settings)
    example = list_examples()[0]
    selection = in_own_setting(Selection(str(example.path), "", 0, 0, ""), card.name)
    began = time.perf_counter()
    try:
        fresh_answer(session, selection)
        print(f"The first example was answered in {_seconds_since(began)}", flush=True)
        fresh_answer(session, selection)  # the first run loads compiled code: keep a true time
    except READABLE_ERRORS as error:
        logging.getLogger(__name__).warning("The first example has no answer: %s", error)
    finally:
        session.ready.set()
    importlib.import_module("analysis.training.study_list")  # what opening Results takes longest


def _seconds_since(moment: float) -> str:
    return f"{time.perf_counter() - moment:.1f} s"
