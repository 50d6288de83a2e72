"""A model without its weights: what decides how a clip is read, and how it is cut into tokens."""

from dataclasses import replace

import torch

from analysis.models import create_model
from analysis.weights import LoadedModel, LoadReport, WeightsError, weights_card
from app.selection import Selection


def model_outline(selection: Selection) -> LoadedModel:
    """The selection's model on torch's meta device: a shape that holds no numbers.

    Raises WeightsError for unknown weights and for a setting that the model cannot have.
    """
    card = weights_card(selection.model)
    options = {**card.overrides, "image_size": selection.image_size}
    architecture = card.architecture
    if card.num_frames is not None:
        options["num_frames"] = selection.num_frames
    elif selection.num_frames > 1:
        architecture = architecture.replace("videomamba_image_", "videomamba_")
        options["num_frames"] = selection.num_frames
    try:
        with torch.device("meta"):
            model = create_model(architecture, **options)
    except ValueError as error:
        raise WeightsError(str(error)) from error
    return LoadedModel(
        model=model.eval(),
        card=card,
        labels=(),
        preprocessing=replace(card.preprocessing, image_size=selection.image_size),
        report=LoadReport(loaded=()),
        content_hash="",
    )
