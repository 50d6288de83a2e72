"""The Learn tab in a real browser."""

import re

import pytest


@pytest.mark.browser
def test_a_student_walks_through_and_changes_the_numbers(any_page):
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    from playwright.sync_api import expect

    page = any_page
    page.get_by_role("tab", name="Learn").click()
    toy = page.locator(".toy")
    expect(toy).to_have_attribute("data-view", "order")
    page.locator("#learn-next").click()
    expect(page.locator("#learn-told")).to_contain_text("At step 4 the state is 0.693")
    expect(toy).to_have_attribute("data-step", "3")
    # The ball keeps a quarter: its step size is ln 4.
    page.locator("#learn-kept-ball").get_by_label("0.25").click()
    expect(page.locator(".toy-sum code")).to_contain_text(
        re.compile(r"0\.250 . 0\.000 \+ 1\.386 . 1 = 1\.386")
    )
    page.locator("#learn-play").click()
    expect(toy).not_to_have_attribute("data-step", "3")
    page.locator("#learn-play").click()
    page.get_by_label("7. The answer adds up").click()
    expect(page.locator(".toy-sum")).to_contain_text("y(24) = 0.026 + 0.134 + 0.693 = 0.853")
    expect(page.locator("#learn-next")).to_be_disabled()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.outside_requests == []
