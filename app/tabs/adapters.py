"""Adapters: what is put into a trained model so that it sees video, and what it does there."""

from app.context import AppContext
from app.tabs.adapters_memory import memory_section
from app.tabs.adapters_moma import moma_section


def build_adapters(context: AppContext) -> None:
    """Lay out the tab and connect it; registers the endpoints of its sections.

    The models are small ones of their own and read the page's clip, whatever model the sidebar
    names, so that the tab always begins by itself. A section listens to `panel.request.change`,
    wraps its errors in a notice line of its own and leaves `panel.shown` to the first one.
    """
    panel = context.panel("adapters", automatic=lambda _: True)
    moma_section(context, panel)
    memory_section(context, panel)
