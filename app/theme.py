"""The look of the whole product: one theme, one accent, one colour per scan order and family."""

from pathlib import Path

import gradio as gr

from analysis.ops.scan_order import FIXED_ORDER

ASSETS = Path(__file__).parent / "assets"
STYLE_SHEETS = tuple(
    ASSETS / name
    for name in (
        "theme.css",
        "layout.css",
        "results.css",
        "figures.css",
        "hidden_states.css",
        "learn.css",
        "attribution.css",
        "cost.css",
        "masking.css",
        "mask_alignment.css",
        "retrieval.css",
        "retrieval_match.css",
        "adapters.css",
        "adapters_memory.css",
    )
)

SCAN_ORDER_COLORS = {
    "spatial_first": "#0072B2",
    "temporal_first": "#E69F00",
    "spatiotemporal_v1": "#009E73",
    "spatiotemporal_v2": "#56B4E9",
    "half_spatial_half_temporal": "#CC79A7",
    "half_temporal_half_spatial": "#D55E00",
    "alternating": "#7F7F7F",
    FIXED_ORDER: "#8A8D98",
}
"""The colours of Okabe and Ito with a grey: at least 8 CIEDE2000 apart for deuteranopes and
protanopes. A name always stands beside the colour."""

SCAN_ORDER_NAMES = {
    "spatial_first": "Spatial first",
    "temporal_first": "Temporal first",
    "spatiotemporal_v1": "Spatiotemporal v1",
    "spatiotemporal_v2": "Spatiotemporal v2",
    "half_spatial_half_temporal": "Half spatial, half temporal",
    "half_temporal_half_spatial": "Half temporal, half spatial",
    "alternating": "Alternating",
    FIXED_ORDER: "Its own",
}

FAMILY_COLORS = {
    "videomamba": "#5B5BD6",
    "timesformer_joint": "#D55E00",
    "timesformer_divided": "#E69F00",
    "vivit_joint": "#009E73",
    "vivit_factorised": "#56B4E9",
    "vit": "#7F7F7F",
    "moma": "#CC79A7",
    "adaptor": "#0072B2",
    "vim": "#8C564B",
    "vmamba": "#A89B00",
}
"""One colour per family of models, attention models by how they attend."""

STRATEGY_COLORS = {
    "random": "#7F7F7F",
    "tube": "#CC79A7",
    "clip_row": "#0072B2",
    "frame_row": "#56B4E9",
    "attention": "#D55E00",
    "block": "#009E73",
    "motion": "#E69F00",
}
"""One colour per masking strategy; rows are blue."""

STRATEGY_NAMES = {
    "random": "Random",
    "tube": "Tube",
    "clip_row": "Clip-row",
    "frame_row": "Frame-row",
    "attention": "Attention",
    "block": "Block",
    "motion": "Motion",
}

ACCENT = "#5B5BD6"
"""Of data without a colour of its own."""

SEQUENTIAL = "Viridis"
DIVERGING = "RdBu_r"
"""Names of plotly colour scales; signed amounts use DIVERGING centred at zero."""

_IRIS = gr.themes.Color(
    name="iris",
    c50="#F8F8FF",
    c100="#F0F1FE",
    c200="#E0E1FB",
    c300="#CBCDF8",
    c400="#9B9EF0",
    c500="#6E6ADE",
    c600="#5B5BD6",
    c700="#5151CD",
    c800="#4A4AB5",
    c900="#33336F",
    c950="#272962",
)
_SLATE = gr.themes.Color(
    name="slate",
    c50="#FAFAFA",
    c100="#F4F4F5",
    c200="#E6E6E9",
    c300="#D3D4D9",
    c400="#A3A5AE",
    c500="#737680",
    c600="#565962",
    c700="#3D4047",
    c800="#26282D",
    c900="#1A1C20",
    c950="#111316",
)
_TEXT_FONTS = (
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Roboto",
    "Helvetica Neue",
    "sans-serif",
)
_CODE_FONTS = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")


def model_color(architecture: str) -> str:
    """The colour of an architecture's family: timesformer_tiny_joint has timesformer_joint's.

    Models with adaptors have one of their own, whatever their host.
    """
    if "_adaptor_" in architecture:
        return FAMILY_COLORS["adaptor"]
    family, _, rest = architecture.partition("_")
    attends = rest.rpartition("_")[2]
    return FAMILY_COLORS.get(f"{family}_{attends}", FAMILY_COLORS.get(family, ACCENT))


def build_theme() -> gr.themes.Base:
    """The one theme, in light and dark, on fonts every machine already has."""
    theme = gr.themes.Base(
        primary_hue=_IRIS,
        secondary_hue=_IRIS,
        neutral_hue=_SLATE,
        text_size="sm",
        spacing_size="sm",
        radius_size="md",
        font=[gr.themes.Font(name) for name in _TEXT_FONTS],
        font_mono=[gr.themes.Font(name) for name in _CODE_FONTS],
    )
    return theme.set(
        body_background_fill="*neutral_100",
        body_background_fill_dark="*neutral_950",
        body_text_color="*neutral_900",
        body_text_color_dark="#ECEDEF",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        background_fill_primary="#FFFFFF",
        background_fill_primary_dark="*neutral_900",
        background_fill_secondary="*neutral_50",
        background_fill_secondary_dark="*neutral_900",
        border_color_primary="*neutral_200",
        border_color_primary_dark="#303339",
        block_background_fill="#FFFFFF",
        block_background_fill_dark="*neutral_900",
        block_border_width="1px",
        block_border_color="*neutral_200",
        block_border_color_dark="#303339",
        block_shadow="none",
        block_shadow_dark="none",
        block_label_text_weight="500",
        block_title_text_weight="500",
        block_title_text_color="*neutral_600",
        block_title_text_color_dark="*neutral_400",
        block_title_text_size="11.5px",
        block_info_text_color="*neutral_500",
        block_info_text_color_dark="*neutral_400",
        input_background_fill="#FFFFFF",
        input_background_fill_dark="#212329",
        input_border_color="*neutral_300",
        input_border_color_dark="#3A3D44",
        input_border_color_focus="*primary_500",
        input_border_color_focus_dark="*primary_400",
        input_shadow="none",
        input_shadow_focus="0 0 0 3px #5B5BD633",
        input_shadow_focus_dark="0 0 0 3px #9B9EF033",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_500",
        button_primary_text_color="#FFFFFF",
        button_secondary_background_fill="#FFFFFF",
        button_secondary_background_fill_hover="*neutral_100",
        button_secondary_background_fill_dark="#26282D",
        button_secondary_background_fill_hover_dark="#30333A",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="#3A3D44",
        button_secondary_text_color="*neutral_800",
        button_secondary_text_color_dark="#ECEDEF",
        button_border_width="1px",
        button_primary_shadow="none",
        button_secondary_shadow="none",
        button_large_radius="*radius_md",
        button_small_radius="*radius_md",
        button_medium_radius="*radius_md",
        slider_color="*primary_600",
        slider_color_dark="*primary_400",
        color_accent="*primary_600",
        checkbox_label_shadow="none",
        checkbox_shadow="none",
        loader_color="*primary_600",
        loader_color_dark="*primary_400",
    )
