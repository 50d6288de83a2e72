"""The two halves of Adapters as sections of the report."""

from dataclasses import asdict

import numpy as np

from analysis.layers.token_grid import TokenGrid
from analysis.weights import weights_card
from app.components.adaptor_pictures import SHARES
from app.components.explanation import what_to_look_at
from app.figures import adaptor_sentences, adaptor_tables, moma, moma_sentences
from app.figures.adaptor_kernels import kernels_view
from app.figures.adaptor_places import places_view
from app.figures.adaptor_plots import forgetting_figure, shares_figure
from app.moma_models import TOWER_WEIGHTS, UNTRAINED
from app.report.adapter_findings import AdaptorFindings, MomaFindings
from app.report.pictures import heading, heat_tiles, plot

MOMA_TITLE = "What MoMa's scans do to the clip"
ADAPTOR_TITLE = "What Mamba-Adaptor reads in the clip"


def moma_part(found: MomaFindings) -> str:
    """Answers, the modulation that turns tokens most, strengths and the frame-shuffle test."""
    look, setting = found.look, found.setting
    scans = None if setting.weights == UNTRAINED else weights_card(setting.weights)
    turns = [np.array(layer["turn"]).reshape(look.grid) for layer in look.layers]
    most = max(range(len(turns)), key=lambda at: float(turns[at].mean()))
    title = f"{moma.MEASURE_TITLES['turn']}, in modulation {most + 1} of {len(turns)}"
    plots = plot("Strength of every modulation", moma.layers_figure(look))
    if look.shuffle is not None:
        plots += plot("The same frames in another order", moma.shuffle_figure(look))
    parts = [
        moma_sentences.standing_view(scans, weights_card(TOWER_WEIGHTS)),
        _switches(asdict(setting)),
        moma.answers_view(look),
        what_to_look_at(moma_sentences.answers_sentence(look)),
        heading(title),
        heat_tiles(found.sampled, turns[most], 1),
        what_to_look_at(moma_sentences.turn_sentence(look, most + 1)),
        f'<div class="report-pair">{plots}</div>',
        what_to_look_at(moma_sentences.shuffle_sentence(look)),
    ]
    return "".join(parts)


def adaptor_part(found: AdaptorFindings) -> str:
    """Answers, what is added where, the places of one token, layers, forgetting and kernels."""
    look, setting, sampled = found.known.look, found.known.setting, found.sampled
    choice = asdict(setting.choice)
    asked = {"weights": choice.pop("weights") or UNTRAINED, **choice}
    added = f"What is added in layer {look['layer']} of {look['layers']}: {SHARES['both']}"
    places = f"The places that {adaptor_sentences.token_words(look)} reads"
    shares = plot("What adaptors add, by layer", shares_figure(look))
    words = adaptor_sentences.layers_sentence(look)
    if found.known.forgetting is not None:
        curves = found.known.forgetting
        title = f"Forgetting in layer {curves['layer']}, without and with memory"
        shares += plot(title, forgetting_figure(curves))
        words += f" {adaptor_sentences.forgetting_sentence(curves, setting.training)}"
    parts = [
        adaptor_tables.standing_view(look),
        what_to_look_at(adaptor_sentences.standing_sentence(setting, slider=False)),
        _switches({**asked, "strength": setting.strength, "parts": setting.parts}),
        adaptor_tables.answers_view(look),
        what_to_look_at(adaptor_sentences.answers_sentence(look)),
        heading(added),
        heat_tiles(sampled, _added(look), look["tubelet"]),
        what_to_look_at(adaptor_sentences.share_sentence(look)),
        heading(places),
        places_view(look, sampled.pixels),
        what_to_look_at(adaptor_sentences.places_sentence(look)),
        f'<div class="report-pair">{shares}</div>',
        what_to_look_at(words),
        heading("Kernels of Adaptor-S in this layer"),
        kernels_view(look),
        what_to_look_at(adaptor_sentences.kernels_sentence(look)),
    ]
    return "".join(parts)


def _added(look: dict) -> np.ndarray:
    """|y' - y| / |y| of memory and convolutions together at the patches, (t, h, w)."""
    grid = TokenGrid(*look["grid"])
    return np.asarray(look["share"]["both"][grid.class_tokens :]).reshape(look["grid"])


def _switches(setting: dict[str, object]) -> str:
    words = ", ".join(
        f"{name.replace('_', ' ')} {_plain(value)}" for name, value in setting.items()
    )
    return what_to_look_at(f"Asked with {words}.")


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
