"""What the server keeps between requests: loaded models, sampled clips, finished results.

Model work is done by one caller at a time: the queue sees to that for the page, the lock in
`Session.loaded` for every other way in.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock, RLock

from analysis.prediction import SampledClip, read_clip
from analysis.tracing.opened_models import check_traced
from analysis.tracing.recorder import Trace, record
from analysis.video.limits import VideoError
from analysis.weights import (
    LoadedModel,
    ModelPlan,
    WeightsError,
    load_model,
    plan_model,
    weights_card,
    weights_hash,
)
from app.cost_sweeps import CostRuns
from app.recently_used import RecentlyUsed
from app.result_cache import ResultCache, code_hash, content_hash
from app.run_time import RunTimes
from app.selection import Selection
from app.settings import Settings
from app.traced_layers import TracedLayer, TracedLayers
from app.video_addresses import VideoAddresses

NOTED = 8
"""Items of a list that `Session.note` keeps."""


class Session:
    """The caches of one running app, shared by all its visitors and safe between threads."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.run_times = RunTimes()
        self._models: RecentlyUsed[LoadedModel] = RecentlyUsed(
            settings.kept_model_bytes, weight=parameter_bytes
        )
        self._clips: RecentlyUsed[SampledClip] = RecentlyUsed(settings.kept_clips)
        self._traced = TracedLayers(settings.kept_trace_bytes)
        self._results = ResultCache(settings.cache_folder / "results", settings.kept_results)
        self.cost_runs = CostRuns(settings.cache_folder / "cost")
        self.videos = VideoAddresses()
        self.ready = Event()
        """Cleared while compiled kernels are being prepared after the start."""
        self.ready.set()
        self._lock = RLock()
        self._noting = Lock()
        self._reading = Lock()

    @contextmanager
    def loaded(
        self, selection: Selection, progress: Callable[[float, str], None] | None = None
    ) -> Iterator[LoadedModel]:
        """The selection's model, for one caller at a time, loaded when it is not held.

        A generator must not yield to the page inside the block: the next step may run in another
        thread, and the lock belongs to the one that took it.

        Raises WeightsError where the weights cannot be had or do not fit the setting.
        """
        key = (selection.model, selection.num_frames, selection.image_size)
        with self._lock:
            loaded = self._models.get_or_make(
                key,
                lambda: load_model(
                    selection.model,
                    num_frames=selection.num_frames,
                    image_size=selection.image_size,
                    progress=progress,
                ),
            )
            if loaded.card.scan_order is not None:
                loaded.model.set_scan_order(selection.scan_order)
            yield loaded

    def sampled(self, selection: Selection, loaded: LoadedModel | None = None) -> SampledClip:
        """The selection's clip as the model reads it; without `loaded`, no weights are needed.

        Raises VideoError for unusable files and WeightsError for a setting no model can have.
        """
        key = (
            _content_hash(selection),
            selection.clip,
            selection.model,
            selection.num_frames,
            selection.image_size,
        )
        with self._reading:
            return self._clips.get_or_make(
                key, lambda: read_clip(selection.clip, loaded or planned(selection))
            )

    def traced(self, selection: Selection, loaded: LoadedModel, layer: int) -> TracedLayer:
        """Layer `layer`, from 0, of the selection's forward pass; `loaded` runs when it must.

        Raises TracingError for a model whose scans are not traced.
        """

        check_traced(loaded.model.config, "Hidden attention")

        def run(layers: list[int] | None) -> Trace:
            clip = self.sampled(selection, loaded).clip
            image = loaded.model.config.num_frames is None
            return record(loaded.model, clip[:, 0] if image else clip, layers)

        config = loaded.model.config
        kept_tensors = 3 * config.depth  # residual, tokens and output of every layer
        pass_bytes = 4 * kept_tensors * loaded.model.token_grid.length * config.width
        return self._traced.get(_trace_key(selection), layer, run, pass_bytes)

    def is_traced(self, selection: Selection, layer: int) -> bool:
        """Whether questions about a layer, from 0, can be answered without a forward pass."""
        return self._traced.holds(_trace_key(selection), layer)

    def quick(self, selection: Selection) -> bool:
        """Whether one answer should come fast enough to start without a click.

        Weights that would have to be fetched first never are.
        """
        try:
            weights_hash(weights_card(selection.model))
        except WeightsError:
            return False
        return self.estimate_ms(selection) <= 1000 * self.settings.patience_s

    def estimate_ms(self, selection: Selection) -> float:
        """About how long one forward pass takes here; measured runs make it exact."""
        return self.run_times.estimate_ms(selection)

    def key(self, kind: str, selection: Selection, *extra: str | int | float | None) -> str:
        """The name of a result: what was asked, of which bytes, weights and code.

        Raises WeightsError when the weights are not on this machine yet, and VideoError when the
        clip is not there any more.
        """
        weights = weights_hash(weights_card(selection.model))
        return _result_name(kind, selection, weights, selection.scan_order, *extra)

    def clip_key(self, kind: str, selection: Selection, *extra: str | int | float | None) -> str:
        """As `key`, for results that neither weights nor scan order enter. Raises VideoError."""
        return _result_name(kind, selection, *extra)

    def recall(self, key: str) -> dict | None:
        return self._results.get(key)

    def remember(self, key: str, payload: dict) -> None:
        self._results.put(key, payload)

    def note(self, key: str, item: str | int) -> None:
        """Put `item` first in the list called `key`, for questions that keys cannot be made of.

        A list keeps its latest `NOTED` items, each once.
        """
        with self._noting:
            earlier = [one for one in self.noted(key) if one != item]
            self.remember(key, {"noted": [item, *earlier][:NOTED]})

    def note_once(self, key: str, item: str | int) -> None:
        """As `note`, but nothing is written where `item` is first already."""
        if self.noted(key)[:1] != [item]:
            self.note(key, item)

    def noted(self, key: str) -> list:
        """What `note` put under `key`, the latest first."""
        return (self.recall(key) or {"noted": []})["noted"]


def planned(selection: Selection) -> ModelPlan:
    """The selection's model without its weights. Raises WeightsError."""
    return plan_model(
        selection.model, num_frames=selection.num_frames, image_size=selection.image_size
    )


def _result_name(kind: str, selection: Selection, *parts: str | int | float | None) -> str:
    asked = [
        *(kind, code_hash(), _content_hash(selection), selection.clip_name, selection.model),
        *(selection.num_frames, selection.image_size, *parts),
    ]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


def parameter_bytes(loaded: LoadedModel) -> int:
    """What a model's parameters take in memory."""
    return sum(p.numel() * p.element_size() for p in loaded.model.parameters())


def _trace_key(selection: Selection) -> tuple[str, Selection]:
    return _content_hash(selection), selection


def _content_hash(selection: Selection) -> str:
    try:
        return content_hash(selection.clip)
    except OSError:
        raise VideoError(
            f'"{selection.clip_name}" is not on this server any more; upload it again.'
        ) from None
