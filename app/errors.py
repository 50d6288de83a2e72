"""The errors whose message is already the sentence a visitor should read."""

from analysis.adaptation.errors import AdaptationError
from analysis.attribution.method import AttributionError
from analysis.profiling.errors import ProfilingError
from analysis.retrieval.errors import RetrievalError
from analysis.text.word_pieces import VocabularyError
from analysis.tracing.opened_models import TracingError
from analysis.training.errors import TrainingError
from analysis.video.limits import VideoError
from analysis.weights import WeightsError


class MaskRequestError(ValueError):
    """A mask that cannot be drawn; the message is one sentence."""


READABLE_ERRORS = (
    *(VideoError, WeightsError, TrainingError, AttributionError, ProfilingError),
    *(TracingError, RetrievalError, VocabularyError, MaskRequestError, AdaptationError),
)
