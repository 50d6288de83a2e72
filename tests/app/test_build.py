"""The page as it is built, before anybody opens it."""

import json
from urllib.request import urlopen


def test_one_component_hears_of_events_that_show_no_progress(running_app):
    """Each that hears is looked up anew at every step of every event."""
    with urlopen(f"{running_app}/config") as answer:
        events = json.load(answer)["dependencies"]
    hidden = [event for event in events if event["show_progress"] == "hidden"]
    assert len(hidden) > 50
    assert len({part for event in hidden for part in event["show_progress_on"]}) == 1
