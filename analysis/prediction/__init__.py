"""From a clip and a model to an answer."""

from analysis.prediction.answer import (
    LabelProbability,
    Prediction,
    predict_clip,
    predict_views,
    rank_labels,
)
from analysis.prediction.relation import Relation, relation
from analysis.prediction.sampled_clip import SampledClip, read_clip
from analysis.prediction.timeline import WindowPrediction, predict_timeline

__all__ = [
    "LabelProbability",
    "Prediction",
    "Relation",
    "SampledClip",
    "WindowPrediction",
    "predict_clip",
    "predict_timeline",
    "predict_views",
    "rank_labels",
    "read_clip",
    "relation",
]
