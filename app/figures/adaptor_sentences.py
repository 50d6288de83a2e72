"""What to look at in the Mamba-Adaptor section of Adapters, with the clip's numbers."""

from collections.abc import Sequence

import numpy as np

from analysis.adaptation.adapted_host import HOST
from analysis.attribution.exact.token_map import Subject
from analysis.layers.token_grid import TokenGrid
from analysis.weights import weights_card
from app.adaptor_costs import AdaptorCost
from app.adaptor_models import AdaptorSetting
from app.adaptor_runs import Report
from app.figures.adaptor_places import offset_words
from app.figures.layer_sentences import subject_words
from app.figures.number_format import in_thousands, percent, significant, whole
from app.figures.proof_badge import scientific

ASK_MEMORY = "What the adaptors add, and which places a token reads, appears here."
_ROUNDING = 1e-5
"""Differences of logits up to this come from kernels that sum in another order."""


def standing_sentence(setting: AdaptorSetting, *, slider: bool = True) -> str:
    """What was trained and what was not; `slider`: whether gamma can be moved where it stands."""
    choice = setting.choice
    gamma = "the slider is gamma, and" if slider else "gamma, the strength below,"
    if choice.weights:
        card = weights_card(choice.weights)
        return (
            f"{card.name} was trained here on {card.data}; its places, coefficients and range can "
            "be switched, the other switches are as trained. Gamma 1 is as trained."
        )
    drawn = (
        "what predicts places and coefficients is drawn at seed 0, so that they depend on the token"
        if choice.predictors == "drawn"
        else "what predicts places and coefficients is zero, as it starts: all tokens read the "
        "same places"
    )
    return (
        f"The adaptors are untrained, on the trained host {HOST}: no trained weights of "
        f"Mamba-Adaptor are public. In a trained host they start with gamma 0, which changes "
        f"nothing; {gamma} multiplies kernels drawn as a backbone's start. "
        f"Here {drawn}. So read what the parts do, not what they learned."
    )


def answers_sentence(look: Report | None) -> str:
    """How far the adaptors move the answer."""
    if look is None:
        return ASK_MEMORY
    answers, strength = look["answers"], look["setting"]["strength"]
    difference = answers["logit_difference"]
    if difference <= _ROUNDING:
        why = "At strength 0 the adaptors are the identity" if strength == 0 else "Hardly a change"
        apart = "exactly the same" if difference == 0 else f"{scientific(difference)} apart"
        return f"{why}: logits are {apart}, which is rounding between two kernels."
    moved = f"Logits move by up to {significant(difference)}"
    host, adapted = answers["host"], answers["adapted"]
    if host["label"] == adapted["label"]:
        return (
            f"{moved}; the answer stays {host['label']}, {percent(host['probability'])} without "
            f"and {percent(adapted['probability'])} with adaptors."
        )
    return f"{moved}; the answer turns from {host['label']} to {adapted['label']}."


def map_sentence(look: Report) -> str:
    """What is added, on a map that can be clicked."""
    return f"{share_sentence(look)} Click a patch to see which places it reads."


def share_sentence(look: Report) -> str:
    """How much of the layer's output the adaptors make up, and where."""
    both = np.asarray(look["share"]["both"])
    if not both.any():
        return "Nothing is added in this layer: |y' \N{MINUS SIGN} y| is zero for every token."
    most = int(both[1:].argmax()) + 1
    return (
        f"In layer {look['layer']} the adaptors add {percent(float(both.mean()))} of a token's "
        f"output in the mean, {percent(float(both[most]))} at {_who(look, most)}."
    )


def places_sentence(look: Report) -> str:
    """Which places of the chosen token count most, and how many lie in other frames."""
    places = look["places"]
    if not places:
        return ""
    grid = TokenGrid(*look["grid"])
    best = max(places, key=lambda place: place["coefficient"])
    ahead = sum(place["offset"] > 0 for place in places)
    frames = {(place["token"] - 1) // (grid.h * grid.w) for place in places if place["token"]}
    said = (
        f"{_who(look, look['token']).capitalize()} reads {len(places)} places in {len(frames)} of "
        f"{grid.t} time steps, {ahead} of them ahead of it in their scan. "
    )
    even = max(p["coefficient"] for p in places) - min(p["coefficient"] for p in places) < 1e-6
    if even:
        return said + "All count the same."
    return said + (
        f"Most counts {_who(look, best['token'])}: {percent(best['coefficient'])} of its sequence, "
        f"{offset_words(best['offset'])} in the {best['direction']} scan."
    )


def offsets_sentence(look: Report) -> str:
    """How much of what all tokens read a plain scan could not have reached."""
    histogram = look["histogram"]
    if histogram is None:
        return ""
    return (
        f"Of {whole(sum(histogram['counts']))} places that tokens of layer {look['layer']} read, "
        f"{percent(histogram['ahead_share'])} lie ahead, where the recurrence has not been yet."
    )


def layers_sentence(look: Report) -> str:
    """Which layer the adaptors change most."""
    sums = [layer["memory"] + layer["convolutions"] for layer in look["by_layer"]]
    if not any(sums):
        return "At strength 0 no layer is changed."
    most = int(np.argmax(sums))
    one = look["by_layer"][most]
    said = (
        f"Most is added in layer {most + 1}: {percent(one['memory'])} by memory and "
        f"{percent(one['convolutions'])} by convolutions, of the host's output."
    )
    if one["entropy"] is None:
        return said
    entropies = [layer["entropy"] for layer in look["by_layer"]]
    least = int(np.argmin(entropies))
    return said + (
        f" Coefficients are least even in layer {least + 1}, at {percent(entropies[least])} of the "
        "most entropy."
    )


def forgetting_sentence(curves: Report, training: str) -> str:
    """What memory brings from ahead, and how far back it lifts the curve."""
    scans = curves["scans"]
    ahead = float(np.mean([scan["ahead_share"] for scan in scans]))
    lifted = [_far_gain(scan) for scan in scans]
    channels = scans[0]["channels"]
    said = (
        f"With memory {percent(ahead)} of what tokens take in layer {curves['layer']} comes from "
        "ahead; without, nothing can. "
    )
    gains = [gain for gain in lifted if gain is not None]
    if gains:
        said += (
            "From the farther half of the sequence they take "
            f"{significant(float(np.mean(gains)))} times as much as without. "
        )
    untrained = " The adaptors are untrained." if training == "untrained" else ""
    return said + f"Mean over {channels} channels, evenly chosen.{untrained}"


def _far_gain(scan: Report) -> float | None:
    """What comes from the farther half of the distances with memory, over that without."""
    distances = np.asarray(scan["distances"])
    far = distances > distances.max() / 2
    pairs = (distances.max() + 1 - distances)[far]
    plain, with_memory = (
        float((np.asarray(scan[key])[far] * pairs).sum()) for key in ("plain", "with_memory")
    )
    return with_memory / plain if plain > 0 else None


def kernels_sentence(look: Report) -> str:
    """Which scale has the most weight."""
    kernels = look["kernels"]
    if kernels is None:
        return ""
    energies = {scale["dilation"]: scale["energy"] for scale in kernels["scales"]}
    if not any(energies.values()):
        return "Kernels of zero are how Adaptor-S starts in a trained host."
    most = max(energies, key=energies.get)
    share = energies[most] / sum(energies.values())
    untrained = " Untrained kernels are alike at every scale." if not _trained(look) else ""
    return (
        f"Dilation {most} has the most energy in layer {look['layer']}, {percent(share)} of all."
        f"{untrained}"
    )


def costs_sentence(costs: Sequence[AdaptorCost]) -> str:
    """What the first model pays for its adaptors."""
    one = costs[0]
    parameters = one.memory_parameters + one.convolution_parameters
    work = one.memory_multiply_adds + one.convolution_multiply_adds
    return (
        f"{one.model}: the adaptors add {percent(parameters / one.host_parameters)} to the "
        f"parameters and {in_thousands(work)} multiply-adds, "
        f"{percent(work / one.host_multiply_adds)} of the host's. Counted with every adaptor that "
        "the switches make, whatever takes part above."
    )


def _trained(look: Report) -> bool:
    return look["training"] != "untrained"


def _who(look: Report, token: int) -> str:
    return subject_words(Subject("token", token), TokenGrid(*look["grid"]), "cls", look["tubelet"])


def token_words(look: Report) -> str:
    """The chosen token as a visitor names it."""
    return _who(look, look["token"])
