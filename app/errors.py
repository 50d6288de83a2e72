"""The errors whose message is already the sentence a visitor should read."""

from analysis.attribution.method import AttributionError
from analysis.profiling.errors import ProfilingError
from analysis.training.errors import TrainingError
from analysis.video.limits import VideoError
from analysis.weights import WeightsError


class MaskRequestError(ValueError):
    """A mask that cannot be drawn; the message is one sentence."""


READABLE_ERRORS = (
    *(VideoError, WeightsError, TrainingError, AttributionError, ProfilingError),
    MaskRequestError,
)
