"""Retrieval: type what is to be seen, get the moments of a library that fit."""

import gradio as gr

from app.context import AppContext
from app.libraries import Libraries
from app.tabs.retrieval_captions import build_retrieval_captions
from app.tabs.retrieval_endpoint import build_search_endpoint
from app.tabs.retrieval_library import place_library, wire_library
from app.tabs.retrieval_match_endpoint import build_match_endpoints
from app.tabs.retrieval_matrix import build_retrieval_matrix
from app.tabs.retrieval_search import place_search, wire_search
from app.tabs.retrieval_why import build_retrieval_why
from app.video_text import VideoText


def build_retrieval(context: AppContext) -> None:
    """Lay out the tab and connect it; registers its endpoints."""
    settings = context.settings
    libraries = Libraries(settings.cache_folder / "libraries", settings.keep_uploads_s)
    video_text = VideoText(settings.kept_model_bytes)
    library = place_library(libraries)
    search = place_search(context)
    chosen = gr.State(None)
    """The moment on the screen, as `chosen_moment` gives it, or None."""
    wire_library(context, libraries, video_text, library)
    wire_search(context, video_text, library, search, chosen)
    build_retrieval_why(context, video_text, chosen)
    build_retrieval_captions(context, video_text, library.model, chosen)
    build_retrieval_matrix(context, video_text, library.model, library.chosen)
    build_search_endpoint(context, libraries, video_text)
    build_match_endpoints(context, libraries, video_text)
