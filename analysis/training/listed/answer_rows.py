"""Answers of an evaluation as JSON lines, written as they come, so that a stopped one goes on."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from analysis.training.kept_files import add_json_line, read_json_lines, replace_json_lines
from analysis.training.listed.evaluation import Answer
from analysis.training.listed.list_file import ListError, Problem


class AnswerRows:
    """A file whose first line says what was evaluated; then a line per video of the list.

    `known` has the answers of an earlier run by line number; files that could not be read then
    are tried again. Raises ListError, one sentence, for a file of another evaluation.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]):
        self.path, self.known = path, {}
        rows = read_json_lines(path) if path.exists() else []
        if rows and rows[0] != identity:
            raise ListError(
                f"{path.name} holds answers of another evaluation; name another file or delete it."
            )
        for row in rows[1:]:
            if "problem" not in row:
                self.known[row["line"]] = Answer(**row)
        kept = [dict(identity), *(asdict(answer) for answer in self.known.values())]
        try:
            replace_json_lines(path, kept)
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            raise ListError(f"{path} cannot be written ({reason}); name another file.") from error

    def add(self, row: Answer | Problem) -> None:
        """Write one row."""
        shown = asdict(row)
        if isinstance(row, Problem):
            shown = {"line": row.line, "problem": row.sentence}
        add_json_line(self.path, shown)
