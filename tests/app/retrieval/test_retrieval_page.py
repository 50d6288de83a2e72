"""A visit to Retrieval in a real browser: a folder becomes a library and its moments play."""

import json
import re
import shutil
from urllib.parse import quote

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import expect

from tests.app.retrieval.conftest import CLIPS

pytestmark = pytest.mark.browser

NOW = re.compile(r"(?P<video>.+), (?P<t0>[\d.]+) to (?P<t1>[\d.]+) s")
SCREEN = "video => ({at: video.currentTime, paused: video.paused, wide: video.videoWidth})"


@pytest.fixture
def folder(tmp_path):
    """Four real clips and a file that is none."""
    for name in ("hand_cup", "mocap_walk", "mocap_kick", "mocap_crawl"):
        shutil.copy(CLIPS / f"{name}.mp4", tmp_path)
    (tmp_path / "notes.mp4").write_text("These are notes.")
    return tmp_path


def ask(page, text):
    page.locator("#search-text textarea, #search-text input").fill(text)
    page.keyboard.press("Enter")


def plays(page, video):
    """Waits until the screen moves within the moment that the line under it names."""
    now = NOW.fullmatch(page.locator(".mo-now").inner_text())
    assert now["video"] == video
    t0, t1 = float(now["t0"]), float(now["t1"])
    screen = page.locator("#moment-view video")
    page.wait_for_function(
        "([t0, t1]) => { const video = document.querySelector('#moment-view video');"
        " return !video.paused && video.currentTime > t0 + 0.1 && video.currentTime <= t1 + 0.1; }",
        arg=[t0, t1],
    )
    state = screen.evaluate(SCREEN)
    assert not state["paused"] and state["wide"] > 0
    assert t0 - 0.1 <= state["at"] <= t1 + 0.1
    return t0, t1


def test_a_folder_is_indexed_searched_and_played(visit, folder):
    page = visit(f"/?tab=retrieval&find={quote('the camera zooms in')}")
    # A link asks its question of the example clips, which are made a library first.
    first = page.locator('.mo[data-asked="\\"the camera zooms in\\""] .mo-card')
    expect(first).to_have_count(8, timeout=120_000)
    expect(page.locator("#query-chips")).to_contain_text("toy-trained")

    page.get_by_role("button", name="What is in it, and how it is made").click()
    page.get_by_label("Window, s").fill("2")
    page.get_by_label("Stride, s").fill("1")
    page.get_by_label("A folder of this machine").fill(str(folder))
    page.locator("#library-folder").click()
    notice = page.locator("#library-notice")
    expect(notice).to_contain_text("windows added, 1 files left out")
    listed = page.locator("#library-view .library-videos li")
    expect(listed).to_have_count(4)
    expect(page.locator(".library-problems")).to_contain_text("notes.mp4")

    ask(page, "a red star moves left")
    expect(page.locator('.mo[data-asked="\\"a red star moves left\\""]')).to_be_visible()
    cards = page.locator(".mo-card")
    second = cards.nth(1)
    name = second.locator(".mo-name").inner_text()
    second.click()
    expect(second).to_have_attribute("aria-pressed", "true")
    t0, t1 = plays(page, name)
    # The last window of a clip ends with it.
    assert 1.0 <= t1 - t0 <= 2.25

    # The last third of the longest clip is pressed, so what plays begins after 4 s.
    strip = page.locator(".mo-strip", has_text="hand_cup.mp4").locator(".mo-strip-plot")
    strip.scroll_into_view_if_needed()
    box = strip.bounding_box()
    page.mouse.click(box["x"] + 0.85 * box["width"], box["y"] + box["height"] / 2)
    t0, t1 = plays(page, "hand_cup.mp4")
    assert t0 > 4.0
    expect(page.locator(".mo-reading")).to_contain_text("hand_cup.mp4")

    page.locator(".mo-more").click()
    caption = page.locator("#search-caption")
    expect(caption).to_contain_text("Most like hand_cup.mp4")
    expect(caption).to_contain_text(re.compile(r"with a cosine of (1\.00|0\.99)"))

    page.get_by_label("Order the nearest by match").check()
    ask(page, "a red star over an elephant")
    expect(page.locator("#retrieval-notice")).to_contain_text('does not know the word "elephant"')
    expect(cards.first.locator(".mo-scores")).to_contain_text("match")
    expect(caption).to_contain_text("ordered by their match logits alone")
    ask(page, "elephants")
    expect(page.locator("#retrieval-notice .notice-failed")).to_contain_text("does not know")
    expect(caption).to_contain_text("red star over an elephant")

    with page.expect_download() as download:
        page.locator("#retrieval-export").get_by_text("Save JSON").click()
    saved = json.loads(download.value.path().read_text(encoding="utf-8"))
    (result,) = saved["results"]
    assert saved["settings"]["score"] == "match logit" and len(result["windows"]) >= 10
    assert result["moments"][0]["video"].endswith(cards.first.locator(".mo-name").inner_text())

    listed.filter(has_text="mocap_kick").get_by_role("button").click()
    expect(listed).to_have_count(3)
    page.get_by_label("Stride, s").fill("2")
    page.locator("#library-make").click()
    expect(notice).to_contain_text("stride in seconds 1 instead of 2")
    page.locator("#library-anew").click()
    expect(listed).to_have_count(4)
    expect(notice).to_contain_text("The library is up to date")
    page.get_by_label("A folder of this machine").fill("/nowhere")
    page.locator("#library-folder").click()
    expect(notice.locator(".notice-failed")).to_contain_text('"/nowhere" is no folder')
    assert page.outside_requests == [] and page.complaints == []
