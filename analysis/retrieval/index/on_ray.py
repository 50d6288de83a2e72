"""Videos embedded on the machines of a Ray cluster, which write to the same table.

Every machine has to find the videos, and the store, under the same names: a shared disk, or object
storage for the store.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.ray_cluster import connect
from analysis.retrieval.index.build import Build, IndexProgress
from analysis.retrieval.index.records import IndexSettings
from analysis.retrieval.index.store import WindowStore
from analysis.weights import LoadedModel


def embed_on_ray(
    loaded: LoadedModel,
    files: dict[str, tuple[Path, str]],
    uri: str,
    settings: IndexSettings,
) -> Iterator[tuple[str, IndexProgress]]:
    """What was done for each video, in the order in which they get done.

    A worker for every GPU of the cluster, or for every core where there is none, has a copy of the
    model and takes one video after another.
    """
    import ray

    connect()
    have = ray.cluster_resources()
    gpus = int(have.get("GPU", 0))
    workers = min(len(files), gpus or int(have["CPU"]))
    if not workers:
        return
    rows = [
        {"video": video, "path": str(path.absolute()), "content_hash": digest}
        for video, (path, digest) in files.items()
    ]
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    # A block for every video, so that none waits for the one before it to be told.
    done = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
        _Worker,
        fn_constructor_args=(ray.put(loaded), uri, settings),
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=1,
        num_gpus=1 if gpus else 0,
    )
    for row in done.iter_rows():
        yield row.pop("video"), _progress(row)


class _Worker:
    """A model on one machine, and the store as seen from there."""

    def __init__(self, loaded: Any, uri: str, settings: IndexSettings):
        import ray
        import torch

        self._loaded: LoadedModel = ray.get(loaded) if isinstance(loaded, ray.ObjectRef) else loaded
        if torch.cuda.is_available():
            self._loaded.model.cuda()
        self._store, self._settings = WindowStore(uri), settings

    def __call__(self, row: dict[str, str]) -> dict[str, Any]:
        video = row["video"]
        build = Build(self._loaded, {video: Path(row["path"])}, self._store, self._settings)
        for now in build.embed({video: row["content_hash"]}):
            last = now
        return {
            "video": video,
            "added": last.added,
            "unchanged": last.unchanged,
            # A list without one has no type that the table of results could take.
            "problem": "".join(last.problems),
        }


def _progress(row: dict[str, Any]) -> IndexProgress:
    problems = (row["problem"],) if row["problem"] else ()
    return IndexProgress(
        "done", 1, 1, added=row["added"], unchanged=row["unchanged"], problems=problems
    )
