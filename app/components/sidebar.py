"""The sidebar: which clip, which weights, in which setting; shared by every tab."""

from dataclasses import dataclass
from functools import lru_cache

import gradio as gr

from analysis.models import model_config
from analysis.ops.scan_order import FIXED_ORDER, SCAN_ORDERS
from analysis.profiling.clip_size import reads_images_only
from analysis.weights import WeightsCard, can_classify, list_weights, weights_card
from app.components.clip_picker import (
    ClipAtHand,
    build_clip_picker,
    example_clips,
    picker_value,
    with_upload,
)
from app.components.machine_line import machine_line
from app.components.model_card import model_card
from app.components.notice import empty_notice, failed, plain_sentence
from app.selection import Selection, trained_order
from app.settings import Settings
from app.theme import SCAN_ORDER_NAMES

_FRAME_CHOICES = (4, 8, 16, 32, 64)
_RESOLUTION_STEPS = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)


@dataclass(frozen=True)
class SidebarParts:
    """The components of the sidebar that others read or write."""

    clip: gr.State
    clips: gr.State
    upload: gr.File
    picker: gr.HTML
    clip_notice: gr.HTML
    model: gr.Dropdown
    card: gr.HTML
    frames: gr.Dropdown
    resolution: gr.Dropdown
    scan_order: gr.Dropdown
    note: gr.HTML


def build_sidebar(settings: Settings) -> SidebarParts:
    """Lay the sidebar out; `wire_sidebar` connects it."""
    card = default_card(settings)
    with gr.Sidebar(label="Clip, model and setting", width=312, elem_id="sidebar"):
        gr.HTML(_heading("Clip"), apply_default_css=False)
        upload = gr.File(label="Upload a clip", height=64, elem_id="upload")
        clip_notice = gr.HTML(empty_notice(), apply_default_css=False, elem_id="clip-notice")
        picker = build_clip_picker()
        gr.HTML(_heading("Model"), apply_default_css=False)
        model = gr.Dropdown(
            weights_choices(),
            value=card.name,
            label="Weights",
            elem_id="weights",
        )
        card_view = gr.HTML(model_card(card), elem_id="model-card", apply_default_css=False)
        gr.HTML(_heading("Setting"), apply_default_css=False)
        with gr.Row(elem_classes="tight-row"):
            frames = gr.Dropdown(
                frame_choices(card),
                value=trained_frames(card),
                label="Frames",
                min_width=80,
                filterable=False,
                elem_id="frames",
            )
            resolution = gr.Dropdown(
                resolution_choices(card),
                value=card.image_size,
                label="Resolution",
                min_width=80,
                filterable=False,
                elem_id="resolution",
            )
        scan_order = gr.Dropdown(
            order_choices(card),
            value=trained_order(card),
            label="Scan order",
            filterable=False,
            elem_id="scan-order",
        )
        note = gr.HTML(elem_id="setting-note", apply_default_css=False)
        gr.HTML(_heading("Machine"), apply_default_css=False)
        gr.HTML(machine_line(), apply_default_css=False)
        clips = example_clips()
        return SidebarParts(
            clip=gr.State(clips[0].path),
            clips=gr.State(clips),
            upload=upload,
            picker=picker,
            clip_notice=clip_notice,
            model=model,
            card=card_view,
            frames=frames,
            resolution=resolution,
            scan_order=scan_order,
            note=note,
        )


def wire_sidebar(parts: SidebarParts) -> list[gr.events.Dependency]:
    """Connect the sidebar to itself; the events given back end with a new selection in place."""

    def take_upload(path: str | None, clips: tuple[ClipAtHand, ...]) -> dict:
        if path is None:
            return {parts.clip_notice: empty_notice()}
        try:
            clips = with_upload(clips, path)
        except Exception as error:
            return {
                parts.clip_notice: failed(plain_sentence(error)),
                parts.upload: None,
            }
        return {
            parts.clip: path,
            parts.clips: clips,
            parts.picker: picker_value(clips, clips[0].name),
            parts.upload: None,
            parts.clip_notice: empty_notice(),
        }

    def take_clip(clips: tuple[ClipAtHand, ...], event: gr.EventData) -> dict:
        chosen = next((clip for clip in clips if clip.name == event.name), clips[0])
        return {
            parts.clip: chosen.path,
            parts.picker: picker_value(clips, chosen.name),
            parts.clip_notice: empty_notice(),
        }

    def take_model(name: str) -> dict:
        card = weights_card(name)
        return _menus(parts, card, trained_frames(card), card.image_size, trained_order(card))

    quiet = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    clip_outputs = [
        parts.clip,
        parts.clips,
        parts.picker,
        parts.clip_notice,
        parts.upload,
    ]
    return [
        parts.upload.upload(take_upload, [parts.upload, parts.clips], clip_outputs, **quiet),
        parts.picker.pick(take_clip, parts.clips, clip_outputs, **quiet),
        parts.model.input(
            take_model,
            parts.model,
            [parts.card, parts.frames, parts.resolution, parts.scan_order],
            **quiet,
        ),
        *(
            choice.input(None, api_visibility="private")
            for choice in (parts.frames, parts.resolution, parts.scan_order)
        ),
    ]


def sidebar_values(parts: SidebarParts, selection: Selection) -> dict:
    """The sidebar with `selection` chosen: an example, read in a setting that the menus offer."""
    clips = example_clips()
    chosen = next(clip for clip in clips if clip.path == selection.clip)
    return {
        parts.clip: chosen.path,
        parts.picker: picker_value(clips, chosen.name),
        parts.model: selection.model,
        **_menus(
            parts,
            weights_card(selection.model),
            selection.num_frames,
            selection.image_size,
            selection.scan_order,
        ),
    }


def _menus(
    parts: SidebarParts, card: WeightsCard, num_frames: int, image_size: int, scan_order: str
) -> dict:
    """What depends on the weights: their card, and the choices of a setting with one chosen."""
    return {
        parts.card: model_card(card),
        parts.frames: gr.Dropdown(frame_choices(card), value=num_frames),
        parts.resolution: gr.Dropdown(resolution_choices(card), value=image_size),
        parts.scan_order: gr.Dropdown(order_choices(card), value=scan_order),
    }


def default_card(settings: Settings) -> WeightsCard:
    """The card of the weights that speak first."""
    cards = {card.name: card for card in list_weights()}
    return cards.get(settings.default_model) or next(iter(cards.values()))


@lru_cache(maxsize=1)
def weights_choices() -> list[tuple[str, str]]:
    """Labels and names, trained weights first: those at hand, then those to be fetched."""
    cards = sorted(list_weights(), key=lambda card: card.training == "untrained")
    return [(_choice_label(card), card.name) for card in cards if can_classify(card)]


def _choice_label(card: WeightsCard) -> str:
    if card.training == "untrained":
        return f"{card.architecture} \N{MIDDLE DOT} untrained"
    where = "" if card.hub_repo is None else " (download)"
    return f"{card.architecture} \N{MIDDLE DOT} {card.tag}{where}"


def trained_frames(card: WeightsCard) -> int:
    """Frames as trained; an image model reads one."""
    return card.num_frames or 1


def frame_choices(card: WeightsCard) -> list[tuple[str, int]]:
    trained = trained_frames(card)
    if reads_images_only(model_config(card.architecture, **card.overrides)):
        return [(str(trained), trained)]
    counts = sorted({trained, *_FRAME_CHOICES})
    return [(str(count), count) for count in counts]


def resolution_choices(card: WeightsCard) -> list[tuple[str, int]]:
    """Sides in pixels that divide into patches, around the trained one."""
    patch = model_config(card.architecture, **card.overrides).patch_size
    sides = {patch * max(2, round(card.image_size * step / patch)) for step in _RESOLUTION_STEPS}
    return [(f"{side} px", side) for side in sorted(sides | {card.image_size})]


def order_choices(card: WeightsCard) -> list[tuple[str, str]]:
    """All scan orders, with a mark at the one the weights were trained in.

    One choice where the model leaves none.
    """
    if card.scan_order is None:
        return [(SCAN_ORDER_NAMES[FIXED_ORDER], FIXED_ORDER)]
    trained = card.scan_order if card.training != "untrained" else None
    return [
        (
            f"{SCAN_ORDER_NAMES[order]} (trained)" if order == trained else SCAN_ORDER_NAMES[order],
            order,
        )
        for order in SCAN_ORDERS
    ]


def _heading(text: str) -> str:
    return f'<h2 class="side-heading">{text}</h2>'
