"""The table of windows in LanceDB: on disk, on object storage or a remote service, by its URI."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.index.records import (
    IndexSettings,
    StoredVideo,
    WindowRecord,
    as_table,
    schema,
    window_id,
)

if TYPE_CHECKING:
    import pyarrow
    from lancedb.db import DBConnection
    from lancedb.table import Table

_Result = TypeVar("_Result")

Measure = Literal["dot", "cosine"]
TABLE = "windows"
APPROXIMATE_FROM = 20_000
"""Rows from which on an approximate index is worth having; fewer are compared one by one."""
# Parts of the approximate index that are looked into, and rows of them that are compared exactly,
# at least so many for each that is asked for; see `bench index` for what that finds.
_PROBES, _CANDIDATES, _FEWEST_CANDIDATES = 50, 500, 5
_TABLES = 10_000
# Of a write that others get in the way of, and the wait before the second.
_ATTEMPTS, _WAIT_S = 10, 0.02
_VALUES_AT_ONCE = 500


class WindowStore:
    """Windows of videos under one URI. Several processes may read and write it at once.

    Every write is one commit of LanceDB: a process that is killed leaves it done or not begun.
    """

    def __init__(self, uri: str | Path):
        """Nothing is made before the first write. Raises RetrievalError for one of no use."""
        self.uri = str(uri)
        self._opened: Table | None = None
        self._open()

    @cached_property
    def _database(self) -> DBConnection:
        import lancedb

        return lancedb.connect(self.uri, read_consistency_interval=timedelta(0))

    @property
    def table(self) -> Table:
        """The table. Raises RetrievalError where there is none."""
        if self._open() is None:
            raise RetrievalError(
                f"There is no index at {self.uri}; make one with: index DIR --store {self.uri}"
            )
        return self._opened

    @property
    def exists(self) -> bool:
        """Whether anything was written here, by whomever."""
        return self._open() is not None

    def __len__(self) -> int:
        """Windows."""
        with self._one_sentence():
            return self.table.count_rows() if self.exists else 0

    def settings(self) -> IndexSettings | None:
        """What its rows were made with, None while there are none.

        Raises RetrievalError when they do not agree, which two writers with different models can
        bring about that begin in the same moment.
        """
        names = [field.name for field in fields(IndexSettings)]
        rows = self._scan(names, limit=1)
        if not rows.num_rows:
            return None
        found = IndexSettings(**rows.to_pylist()[0])
        same = " AND ".join(f"{name} = {literal(value)}" for name, value in found.row().items())
        with self._one_sentence():
            others = self.table.count_rows(f"NOT ({same})")
        if others:
            raise RetrievalError(
                f"The index at {self.uri} mixes windows of several models ({others} are not of "
                f"{found.model}); replace it."
            )
        return found

    def videos(self) -> tuple[StoredVideo, ...]:
        """Videos with their contents, by name."""
        rows = self._scan(["video", "content_hash", "windows"])
        groups = rows.group_by(["video", "content_hash"]).aggregate(
            [("windows", "max"), ("windows", "count")]
        )
        found = (
            StoredVideo(row["video"], row["content_hash"], row["windows_count"], row["windows_max"])
            for row in groups.to_pylist()
        )
        return tuple(sorted(found, key=lambda one: (one.video, one.content_hash)))

    def numbers(self, video: str, content_hash: str) -> set[int]:
        """Which windows of a video are there."""
        where = f"video = {literal(video)} AND content_hash = {literal(content_hash)}"
        return set(self._scan(["number"], where)["number"].to_pylist())

    def add(self, records: Sequence[WindowRecord], settings: IndexSettings) -> int:
        """Adds the windows that are not there yet, in one commit; gives their number."""
        if not records:
            return 0
        width = len(records[0].embedding)
        return self._insert(as_table(records, settings, width), width)

    def copy_video(self, content_hash: str, source: str, video: str) -> int:
        """Gives a file with the content of another its windows, in one commit."""
        where = f"video = {literal(source)} AND content_hash = {literal(content_hash)}"
        rows = self._scan(None, where).to_pylist()
        for row in rows:
            row |= {"video": video, "id": window_id(video, content_hash, row["number"])}
        import pyarrow as pa

        table = pa.Table.from_pylist(rows, schema=self.table.schema)
        return self._insert(table, self.width)

    @property
    def width(self) -> int:
        """Numbers of an embedding."""
        return self.table.schema.field("embedding").type.list_size

    def delete(self, videos: Collection[str], keep_hash: str | None = None) -> int:
        """Removes the windows of videos, but those of a content to keep; gives their number."""
        if not self.exists or not videos:
            return 0
        names, removed = sorted(videos), 0
        kept = "" if keep_hash is None else f" AND content_hash != {literal(keep_hash)}"
        with self._one_sentence():
            for start in range(0, len(names), _VALUES_AT_ONCE):
                among = ", ".join(map(literal, names[start : start + _VALUES_AT_ONCE]))
                where = f"video IN ({among}){kept}"
                if count := self.table.count_rows(where):
                    self._commit(lambda where=where: self.table.delete(where))
                    removed += count
        return removed

    def clear(self) -> None:
        """Removes everything, so that another model may begin."""
        if self.exists:
            with self._one_sentence():
                self._database.drop_table(TABLE)
            self._opened = None

    def finish(self) -> None:
        """After a build: puts rows in order, and makes an approximate index when that pays."""
        if self.exists:
            self.optimize()
            if len(self) >= APPROXIMATE_FROM and not self.approximate:
                self.make_approximate()

    def optimize(self) -> None:
        """Joins small files and brings an approximate index up to date, where there is one."""
        self._commit(self.table.optimize)

    @property
    def approximate(self) -> bool:
        """Whether there is an approximate index."""
        with self._one_sentence():
            return any("embedding" in index.columns for index in self.table.list_indices())

    def make_approximate(self) -> None:
        """Makes an approximate index of the embeddings, instead of one that is there."""
        from lancedb.index import IvfPq, IvfRq

        # RaBitQ (arXiv 2405.12497) is made in seconds, where product quantization takes a minute
        # and finds no more; it wants a width that fills whole bytes.
        kind = IvfPq if self.width % 8 else IvfRq
        config = kind(distance_type="dot")
        self._commit(lambda: self.table.create_index("embedding", config=config, replace=True))

    def nearest(
        self,
        direction: np.ndarray,
        count: int,
        columns: Sequence[str],
        where: str | None = None,
        exact: bool = False,
        measure: Measure = "dot",
    ) -> list[dict[str, Any]]:
        """The `count` rows with the largest products with a vector (width,), best first.

        Rows have `columns` and `score`, the product, or the cosine where that is asked for.
        `exact` compares every row even where there is an approximate index, which knows only
        products.
        """
        query = (
            self.table.search(np.asarray(direction, np.float32), vector_column_name="embedding")
            .distance_type(measure)
            .select([*columns, "_distance"])
            .limit(count)
        )
        if where:
            query = query.where(where, prefilter=True)
        if exact:
            query = query.bypass_vector_index()
        else:
            # Where a filter leaves too few, more is looked through.
            refined = max(_FEWEST_CANDIDATES, -(-_CANDIDATES // count))
            query = query.minimum_nprobes(_PROBES).maximum_nprobes(0).refine_factor(refined)
        with self._one_sentence():
            rows = query.to_list()
        for row in rows:
            # The library turns products into distances, the smaller the nearer.
            row["score"] = 1.0 - row.pop("_distance")
        return rows

    def column(self, name: str, ids: Collection[str]) -> dict[str, Any]:
        """Values of a column by the rows' ids, such as thumbnails of what was found."""
        if not ids:
            return {}
        where = f"id IN ({', '.join(map(literal, sorted(ids)))})"
        rows = self._scan(["id", name], where)
        return dict(zip(rows["id"].to_pylist(), rows[name].to_pylist(), strict=True))

    def _open(self) -> Table | None:
        """The table, as soon as there is one."""
        # Connecting would make a folder that is not there.
        absent = "://" not in self.uri and not Path(self.uri).exists()
        if self._opened is None and not absent:
            with self._one_sentence():
                if TABLE in self._database.list_tables(limit=_TABLES).tables:
                    self._opened = self._database.open_table(TABLE)
        return self._opened

    def _insert(self, rows: pyarrow.Table, width: int) -> int:
        if not self.exists:
            self._opened = self._commit(
                lambda: self._database.create_table(TABLE, schema=schema(width), exist_ok=True)
            )
        merge = self.table.merge_insert("id").when_not_matched_insert_all()
        return self._commit(lambda: merge.execute(rows)).num_inserted_rows

    def _commit(self, write: Callable[[], _Result]) -> _Result:
        """A write, again where another process got in between: the library then says so."""
        attempts = 0
        with self._one_sentence():
            while True:
                try:
                    return write()
                except (OSError, RuntimeError, ValueError) as error:
                    attempts += 1
                    if "conflict" not in str(error) or attempts == _ATTEMPTS:
                        raise
                time.sleep(_WAIT_S * 2**attempts)

    def _scan(
        self, columns: list[str] | None, where: str | None = None, limit: int | None = None
    ) -> pyarrow.Table:
        query = self.table.search().limit(limit)
        if columns is not None:
            query = query.select(columns)
        with self._one_sentence():
            return (query.where(where) if where else query).to_arrow()

    @contextmanager
    def _one_sentence(self) -> Iterator[None]:
        """What the library has to say about a store, as a RetrievalError."""
        try:
            yield
        except (OSError, RuntimeError, ValueError) as error:
            # The library ends with places in its own source.
            reason = re.split(r", /|\n", str(error).strip() or type(error).__name__)[0]
            raise RetrievalError(
                f"The index at {self.uri} cannot be used: {reason.rstrip('.')}."
            ) from error


def literal(value: str | float) -> str:
    """A value as SQL has it."""
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)
