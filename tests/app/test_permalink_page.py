"""Visits by link with a real browser: the address opens a state of the page and follows it."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

CLIPS = Path(__file__).parents[1] / "data" / "clips"
ANSWERS_SEEN = """
window.answersSeen = [];
const look = () => {
  const facts = document.querySelector("#predict-facts")?.innerText ?? "";
  if (/Spatial first|Temporal first/.test(facts)) window.answersSeen.push(facts);
};
new MutationObserver(look).observe(document, { childList: true, subtree: true });
"""


def address(page: Page, query: str) -> None:
    """Wait until the address of the page ends with this query."""
    expect(page).to_have_url(re.compile(rf"/{re.escape(query)}$"))


def shows_the_link(page: Page) -> None:
    expect(page.locator(".film-name")).to_have_text("camera_zoom.mp4")
    expect(page.locator(".film-source")).to_contain_text("16 of")
    expect(page.locator(".film-readout")).to_contain_text("frame 8 of 16")
    expect(page.locator(".film-readout")).to_contain_text("token 228 (t 3, y 4, x 4)")
    expect(page.locator("#predict-facts")).to_contain_text("Temporal first")
    expect(page.get_by_label("Scan order", exact=True)).to_have_value("Temporal first")
    expect(page.get_by_role("button", name="Zoom in")).to_have_attribute("aria-pressed", "true")


def test_a_link_opens_its_state_and_the_address_follows_every_change(browser, running_app):
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.add_init_script(ANSWERS_SEEN)
    page = context.new_page()
    link = "?clip=camera_zoom.mp4&frames=16&order=temporal_first&token=3,4,4&cursor=8"
    page.goto(f"{running_app}/{link}")
    shows_the_link(page)
    seen = page.evaluate("answersSeen")
    assert seen and all("16 frames" in facts and "Temporal first" in facts for facts in seen)
    address(page, link)

    page.get_by_role("button", name="Next frame").click()
    address(page, "?clip=camera_zoom.mp4&frames=16&order=temporal_first&token=4,4,4")
    page.get_by_role("button", name="Pan right").click()
    expect(page.locator(".film-name")).to_have_text("camera_pan.mp4")
    page.get_by_role("tab", name="Learn").click()
    expect(page).to_have_url(re.compile("tab=learn"))
    assert "clip=" not in page.url
    context.close()


def test_a_link_opens_a_tab_with_its_token_on_a_phone_in_the_dark(visit):
    page = visit("/?tab=hidden_states&token=2,3,4&__theme=dark", width=390)
    tab = page.get_by_role("tab", name="Hidden states")
    expect(tab).to_have_attribute("aria-selected", "true")
    expect(tab).to_be_in_viewport(ratio=1)
    page.locator("#hidden-map .tp-title", has_text="row 4, column 5 of frames 5").wait_for()
    page.locator("#hidden-matrix .matrix-picture").wait_for()
    expect(page.locator("#hidden-memory-caption")).to_contain_text("tokens long")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("tab", name="Predict").click()
    address(page, "?token=2,3,4&__theme=dark")
    assert page.complaints == []


def test_a_link_to_weights_with_other_sizes_reaches_every_tab(visit):
    """The menus of the page that was opened first offer no 224 pixels; nobody may read them."""
    page = visit("/?weights=videomamba_tiny.untrained&tab=scan_lab")
    page.locator("#scan_lab-notice", has_text="Press the button").wait_for()
    expect(page.get_by_label("Resolution", exact=True)).to_have_value("224 px")
    page.wait_for_timeout(1000)
    expect(page.locator("#scan_lab-notice")).not_to_contain_text("Error")
    expect(page.locator(".toast-body")).to_have_count(0)
    assert page.complaints == []


def test_the_link_is_copied_in_words_or_stands_there_and_an_upload_is_spoken_of(visit):
    page = visit("/?order=alternating")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#predict-notice .notice-done").wait_for()
    copy = page.get_by_role("button", name="Copy link")
    copy.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".link-said")).to_have_text("Link copied.")
    assert page.evaluate("navigator.clipboard.readText()").endswith("/?order=alternating")
    page.locator("#upload input[type=file]").set_input_files(CLIPS / "hand_cup.mp4")
    expect(page.locator(".picker-clip").first).to_contain_text("hand_cup.mp4")
    page.locator("#predict-notice .notice-done").wait_for()
    copy.click()
    expect(page.locator(".link-said")).to_contain_text("others cannot reach an upload")
    assert page.evaluate("navigator.clipboard.readText()").endswith("/?order=alternating")

    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject('refused'); }")
    copy.click()
    field = page.get_by_label("Link to this page")
    expect(field).to_have_value(re.compile(r"/\?order=alternating$"))
    page.keyboard.press("Escape")
    expect(field).to_be_hidden()


def test_a_bad_link_is_complained_of_and_the_rest_is_applied(visit):
    hostile = quote('<img src=x onerror="window.hurt=1">')
    page = visit(f"/?clip=mocap_walk.mp4&tab={hostile}&resolution=70&frames=lots")
    notice = page.locator("#link-notice .notice-failed")
    expect(notice).to_contain_text('resolution of "70" pixels')
    expect(notice).to_contain_text("<img src=x onerror=")
    expect(notice).to_contain_text('"lots" frames')
    expect(page.locator(".film-name")).to_have_text("mocap_walk.mp4")
    expect(page.locator("#predict-answer .answer-label")).not_to_be_empty()
    address(page, "?clip=mocap_walk.mp4")
    assert page.evaluate("window.hurt") is None and "Traceback" not in page.content()
    page.get_by_role("button", name="Pan right").click()
    expect(notice).to_be_hidden()
    assert page.complaints == []
