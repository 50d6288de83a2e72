"""The page as it is built, before anybody opens it."""

from app.build import build_app
from app.settings import Settings


def test_one_component_hears_of_events_that_show_no_progress(tmp_path):
    """Each that hears is looked up anew at every step of every event."""
    events = build_app(Settings(cache_folder=tmp_path)).fns.values()
    hidden = [event for event in events if event.show_progress == "hidden"]
    assert len(hidden) > 50
    assert len({part._id for event in hidden for part in event.show_progress_on}) == 1
