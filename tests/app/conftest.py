"""The real app, started once for all tests that visit it, and a real browser to visit it with."""

import os
import re
import select
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLIPS = ROOT / "tests" / "data" / "clips"
PATIENCE_S = 120


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for_line(process: subprocess.Popen, words: str) -> str:
    until = time.monotonic() + PATIENCE_S
    seen = ""
    while time.monotonic() < until and process.poll() is None:
        ready, _, _ = select.select([process.stdout], [], [], 0.5)
        if ready:
            seen += os.read(process.stdout.fileno(), 65536).decode()
            for line in seen.splitlines():
                if words in line:
                    return line
    raise AssertionError(f"The app did not say {words!r} but:\n{seen}")


@pytest.fixture(scope="session")
def running_app(tmp_path_factory: pytest.TempPathFactory):
    """Address of the app as `python app.py` starts it, with an empty cache of its own."""
    folder = tmp_path_factory.mktemp("app")
    environment = os.environ | {
        "SCANSCOPE_CACHE_FOLDER": str(folder / "cache"),
        "GRADIO_TEMP_DIR": str(folder / "uploads"),
        # What the small models do starts by itself on a busy machine too.
        "SCANSCOPE_PATIENCE_S": "10",
    }
    command = [sys.executable, "app.py", "--port", str(_free_port())]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        line = _wait_for_line(process, "ScanScope is open at ")
        yield line.split(" at ")[1].split()[0].rstrip("/")
    finally:
        process.terminate()
        process.wait(timeout=20)
        process.stdout.close()


@pytest.fixture(scope="session")
def client(running_app, tmp_path_factory: pytest.TempPathFactory):
    """Gradio's own client of the running app; to ask what there is takes it seconds."""
    from gradio_client import Client

    client = Client(
        running_app,
        verbose=False,
        download_files=str(tmp_path_factory.mktemp("downloads")),
        analytics_enabled=False,
    )
    yield client
    client.close()


@pytest.fixture(scope="session")
def browser():
    """Chromium without a window; the test skips where no browser is installed."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    sync_api.expect.set_options(timeout=30_000)
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        pytest.skip("no chromium on this machine (Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=executable,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield chromium
        chromium.close()


@contextmanager
def _visits(browser, address: str):
    """Gives a function that opens the page in a fresh profile; all pages are closed in the end."""
    contexts = []

    def open_page(
        path: str = "/",
        width: int = 1280,
        height: int = 800,
        theme: str = "light",
        motion: str = "reduce",
    ):
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, reduced_motion=motion
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.outside_requests, page.complaints = [], []
        own = (address, "data:", "blob:")
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith(own) else page.outside_requests.append(request.url)
            ),
        )
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(address + path)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def visit(browser, running_app):
    """Open the page in a fresh profile; what it asks of other servers, or complains of, is kept.

    Unless `motion` is "no-preference", drawings are asked to stand still: painting each step of
    them without a graphics card takes longer than everything else.
    """
    with _visits(browser, running_app) as open_page:
        yield open_page


@pytest.fixture(scope="module")
def stay(browser, running_app):
    """As `visit`, for a page on which all tests of a file go on, in the order they stand there.

    To open the page takes longer than most that is done on it.
    """
    with _visits(browser, running_app) as open_page:
        yield open_page


@pytest.fixture(scope="session")
def open_tab():
    """Opens a tab by its title once the page has answered, whatever tab is open.

    The notice beside the answer says so for a while only: it is empty once all is as chosen.
    """

    def open_one(page, title: str) -> None:
        label = page.locator("#predict-answer .answer-label", has_text=re.compile(r"\w"))
        label.first.wait_for(state="attached")
        page.get_by_role("tab", name=title, exact=True).click()

    return open_one


@pytest.fixture(scope="session")
def answered():
    """Waits until the example or clip that was chosen is answered in Predict."""

    def wait(page) -> None:
        label = page.locator("#predict-answer .answer-label", has_text=re.compile(r"\w"))
        label.first.wait_for()
        page.locator("#predict-notice .notice-done").wait_for()

    return wait


@pytest.fixture(scope="module")
def page(stay, answered):
    """The page as it opens, its first example answered."""
    page = stay()
    answered(page)
    return page


@pytest.fixture(scope="session")
def any_page(browser, running_app, answered):
    """A page as it stands, for tabs that hang on nothing chosen elsewhere; one for all of them."""
    with _visits(browser, running_app) as open_page:
        page = open_page()
        answered(page)
        yield page


@pytest.fixture(scope="session")
def becomes_narrow():
    """Makes the window as wide as a phone; nothing may stick out of it."""

    def narrow(page) -> None:
        page.set_viewport_size({"width": 390, "height": 844})
        page.wait_for_function("document.documentElement.scrollWidth <= 390")

    return narrow
