"""The table of windows in LanceDB: on disk, on object storage or a remote service, by its URI."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from analysis.retrieval.errors import RetrievalError
from analysis.retrieval.index.records import (
    IndexSettings,
    WindowRecord,
    as_table,
    schema,
    window_id,
)

if TYPE_CHECKING:
    import pyarrow
    from lancedb.table import Table

TABLE = "windows"
APPROXIMATE_FROM = 50_000
"""Rows from which on an approximate index is worth having; fewer are compared one by one."""
_PROBES, _REFINED = 20, 10
_VALUES_AT_ONCE = 500


@dataclass(frozen=True)
class StoredVideo:
    """A video of an index: its place and content, windows that are there, and how many belong."""

    video: str
    content_hash: str
    stored: int
    windows: int

    @property
    def complete(self) -> bool:
        """Whether none is missing."""
        return self.stored == self.windows


class WindowStore:
    """Windows of videos under one URI. Several processes may read and write it at once.

    Every write is one commit of LanceDB: a process that is killed leaves it done or not begun.
    """

    def __init__(self, uri: str | Path):
        """Connects; nothing is made before the first write. Raises RetrievalError."""
        import lancedb

        self.uri = str(uri)
        with self._one_sentence():
            self._database = lancedb.connect(self.uri, read_consistency_interval=timedelta(0))
            exists = TABLE in self._database.list_tables().tables
            self._table: Table | None = self._database.open_table(TABLE) if exists else None

    @property
    def table(self) -> Table:
        """The table. Raises RetrievalError where there is none."""
        if self._table is None:
            raise RetrievalError(
                f"There is no index at {self.uri}; make one with: index DIR --store {self.uri}"
            )
        return self._table

    @property
    def exists(self) -> bool:
        """Whether anything was ever written here."""
        return self._table is not None

    def __len__(self) -> int:
        """Windows."""
        return self._table.count_rows() if self.exists else 0

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
                count = self.table.count_rows(where)
                if count:
                    self.table.delete(where)
                removed += count
        return removed

    def clear(self) -> None:
        """Removes everything, so that another model may begin."""
        if self.exists:
            with self._one_sentence():
                self._database.drop_table(TABLE)
            self._table = None

    def finish(self) -> None:
        """Joins small files, brings an approximate index up to date, or makes one when it pays."""
        if not self.exists:
            return
        with self._one_sentence():
            self.table.optimize()
            if len(self) >= APPROXIMATE_FROM and not self.approximate:
                self.make_approximate()

    @property
    def approximate(self) -> bool:
        """Whether there is an approximate index."""
        with self._one_sentence():
            return any("embedding" in index.columns for index in self.table.list_indices())

    def make_approximate(self) -> None:
        """Makes an approximate index of the embeddings, instead of one that is there."""
        from lancedb.index import IvfPq

        with self._one_sentence():
            self.table.create_index("embedding", config=IvfPq(distance_type="dot"), replace=True)

    def nearest(
        self,
        direction: np.ndarray,
        count: int,
        columns: Sequence[str],
        where: str | None = None,
        exact: bool = False,
        measure: Literal["dot", "cosine"] = "dot",
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
            query = query.minimum_nprobes(_PROBES).maximum_nprobes(0).refine_factor(_REFINED)
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

    def _insert(self, rows: pyarrow.Table, width: int) -> int:
        with self._one_sentence():
            if self._table is None:
                self._table = self._database.create_table(
                    TABLE, schema=schema(width), exist_ok=True
                )
            merge = self._table.merge_insert("id").when_not_matched_insert_all()
            return merge.execute(rows).num_inserted_rows

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
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise RetrievalError(
                f"The index at {self.uri} cannot be used: {reason[:300].rstrip('.')}."
            ) from error


def literal(value: str | float) -> str:
    """A value as SQL has it."""
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)
