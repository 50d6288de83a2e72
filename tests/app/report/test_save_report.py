"""A visitor saves the report and opens it from disk."""

import pytest

pytestmark = pytest.mark.browser

SCREENS = {"light": (1280, "rgb(244, 244, 245)"), "dark": (390, "rgb(17, 19, 22)")}
"""By colour scheme: width in pixels, and the colour of the paper."""


@pytest.fixture
def saved(visit, tmp_path):
    """The file that the page's button gives."""
    page = visit(width=390)
    page.locator("#predict-notice .notice-done").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save report").click()
    page.locator("#report-notice .notice-done", has_text="Saved").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.complaints == [] and page.outside_requests == []
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    return file


def test_the_file_stands_alone(saved, browser):
    for theme, (width, paper) in SCREENS.items():
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=theme, offline=True
        )
        page = context.new_page()
        requests, complaints = [], []
        page.on("request", lambda request, kept=requests: kept.append(request.url))
        page.on("console", lambda message, kept=complaints: kept.append(message.text))
        page.on("pageerror", lambda error, kept=complaints: kept.append(str(error)))
        page.goto(saved.as_uri())
        assert page.locator("h1").inner_text() == saved.name.removesuffix("-report.html")
        assert page.locator(".answer-label").is_visible()
        assert page.locator(".static-plot svg rect").count() >= 8
        loaded = "image => image.complete && image.naturalWidth > 0"
        assert page.evaluate(f"document.images.length && [...document.images].every({loaded})")
        page.locator(".report-how summary").first.click()
        assert page.locator(".report-how math").first.is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == paper
        assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
        assert complaints == []
        context.close()
