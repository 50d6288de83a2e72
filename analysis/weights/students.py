"""Students of masked pretraining: they name no classes, so they are no models to choose."""

from __future__ import annotations

from dataclasses import replace

from analysis.models import list_models
from analysis.weights.card import WeightsCard, WeightsError
from analysis.weights.catalogue import list_weights, weights_card
from analysis.weights.fitting import LoadReport, load_state_dict_with_report
from analysis.weights.hub import fetch_checkpoint, local_checkpoint
from analysis.weights.loading import LoadedModel, checked_hash, initial_model
from analysis.weights.reading import read_checkpoint

FAMILY = "videomamba_student"


def list_students() -> tuple[WeightsCard, ...]:
    """The students among all weights, in their order."""
    return tuple(card for card in list_weights() if card.architecture in list_models(FAMILY))


def students_here() -> tuple[WeightsCard, ...]:
    """Those whose file is on this machine, the shipped ones first."""
    return tuple(card for card in list_students() if local_checkpoint(card))


def load_student(name: str) -> LoadedModel:
    """The student of the weights called ``name``, in evaluation mode; it has no labels.

    Raises WeightsError, one sentence, for unknown names, weights of another family, and files
    that cannot be read or do not fit.
    """
    card = weights_card(name)
    if card.architecture not in list_models(FAMILY):
        students = ", ".join(student.name for student in list_students())
        raise WeightsError(f"{name} is no student of masked pretraining; choose {students}.")
    path = fetch_checkpoint(card)
    content_hash = checked_hash(card, path)
    model = initial_model(card)
    report = load_state_dict_with_report(model, read_checkpoint(path))
    if report.dropped:
        raise WeightsError(
            f"{card.file} aligns more layers than its entry says; state align_layers and "
            "align_interval in its overrides."
        )
    return LoadedModel(model.eval(), card, (), card.preprocessing, report, content_hash)


def untrained_student(student: LoadedModel) -> LoadedModel:
    """What a student was before its training, or would have been from another seed."""
    model = initial_model(student.card)
    return replace(
        student,
        model=model.eval(),
        report=LoadReport(loaded=(), missing=tuple(model.state_dict())),
    )
