"""`python -m app.screenshots`: take the README's pictures of the tabs from the running app.

Needs the development requirements and a Chromium on the path.
"""

import argparse
import io
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).parents[1] / "docs" / "screenshots"
WIDTH, HEIGHT = 1280, 800
PATIENCE_MS = 120_000


def predict_tab(page) -> None:
    page.locator("#predict-timeline .lane").first.wait_for()
    page.locator("#predict-notice .notice-done", has_text="windows").wait_for()


def scan_lab_tab(page) -> None:
    page.get_by_role("tab", name="Scan lab").click()
    page.locator("#scan-table table").wait_for()
    page.locator("#scan-lab-run").click()
    page.locator("#scan_lab-notice .notice-done").wait_for()


def hidden_states_tab(page) -> None:
    page.get_by_role("tab", name="Hidden states").click()
    page.locator("#hidden-proof .badge").first.wait_for()
    # Past the clip, which the other pictures show, to the whole map.
    page.locator("#tabs").evaluate("tabs => tabs.scrollIntoView()")


def attribution_tab(page) -> None:
    page.get_by_role("tab", name="Attribution").click()
    page.locator("#attribution-notice .notice-done", has_text="maps drawn").wait_for()
    page.locator("#tabs").evaluate("tabs => tabs.scrollIntoView()")


def adapters_tab(page) -> None:
    page.get_by_role("tab", name="Adapters").click()
    page.locator("#adapters-notice .notice-done").wait_for()
    page.locator("#adapters-memory-notice .notice-done").wait_for()
    page.locator("#tabs").evaluate("tabs => tabs.scrollIntoView()")


def masking_tab(page) -> None:
    page.get_by_role("tab", name="Masking").click()
    page.locator("#masking-notice .notice-done", has_text="masks").wait_for()
    page.locator("#mask-effects-notice .notice-done", has_text="points").wait_for()
    page.locator("#tabs").evaluate("tabs => tabs.scrollIntoView()")


def retrieval_tab(page) -> None:
    page.get_by_role("tab", name="Retrieval").click()
    page.locator("#moment-view video").wait_for()
    page.locator("#why-notice .notice-done").wait_for()
    page.locator("#tabs").evaluate("tabs => tabs.scrollIntoView()")


def cost_tab(page) -> None:
    page.get_by_role("tab", name="Cost").click()
    page.locator("#cost-notice .notice-done", has_text="points").wait_for()
    page.locator("#tabs").evaluate("tabs => tabs.scrollIntoView()")


def learn_tab(page) -> None:
    page.get_by_role("tab", name="Learn").click()
    page.get_by_label("3. It forgets").click()
    page.locator('.toy[data-step="26"]').wait_for()
    page.locator("#tabs").evaluate("tabs => tabs.scrollIntoView()")


def results_tab(page) -> None:
    page.get_by_role("tab", name="Results").click()
    page.locator("#results-notice .notice-done").wait_for()


SCENES: tuple[tuple[str, str, Callable], ...] = (
    ("predict", "light", predict_tab),
    ("predict-dark", "dark", predict_tab),
    ("scan-lab", "light", scan_lab_tab),
    ("scan-lab-dark", "dark", scan_lab_tab),
    ("hidden-states", "light", hidden_states_tab),
    ("hidden-states-dark", "dark", hidden_states_tab),
    ("attribution", "light", attribution_tab),
    ("attribution-dark", "dark", attribution_tab),
    ("adapters", "light", adapters_tab),
    ("adapters-dark", "dark", adapters_tab),
    ("masking", "light", masking_tab),
    ("masking-dark", "dark", masking_tab),
    ("retrieval", "light", retrieval_tab),
    ("retrieval-dark", "dark", retrieval_tab),
    ("cost", "light", cost_tab),
    ("cost-dark", "dark", cost_tab),
    ("learn", "light", learn_tab),
    ("learn-dark", "dark", learn_tab),
    ("results", "light", results_tab),
    ("results-dark", "dark", results_tab),
)


def take(address: str) -> None:
    """Write one WebP picture per scene into docs/screenshots; the app must be open at `address`."""
    from playwright.sync_api import sync_playwright

    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        sys.exit(
            "No chromium was found on the path; install it (Debian: apt-get install chromium)."
        )
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        for name, theme, prepare in SCENES:
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=theme)
            page.set_default_timeout(PATIENCE_MS)
            page.goto(address)
            page.locator("#predict-answer .answer-label").wait_for()
            prepare(page)
            page.wait_for_timeout(1500)
            _write(page.screenshot(), FOLDER / f"{name}.webp")
            page.close()
        browser.close()


def _write(picture: bytes, path: Path) -> None:
    """As WebP: true colours in a third of the space."""
    Image.open(io.BytesIO(picture)).convert("RGB").save(path, quality=88, method=6)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m app.screenshots", description=__doc__)
    parser.add_argument("address", nargs="?", default="http://127.0.0.1:7860")
    take(parser.parse_args().address)
