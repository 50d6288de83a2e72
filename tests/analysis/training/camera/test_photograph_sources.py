"""The list of photographs against the table that readers see."""

from pathlib import Path

from analysis.training.camera import photograph_sources
from analysis.training.camera.photograph_sources import PHOTOGRAPH_SOURCES


def test_every_source_states_licence_and_stands_in_the_table():
    table = (Path(photograph_sources.__file__).parent / "PHOTOGRAPHS.md").read_text()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    stated = {row[0]: (row[2], row[3]) for row in rows if len(row) == 4}
    for source in PHOTOGRAPH_SOURCES:
        name = source.package.replace("==", " ")
        assert stated[name] == (source.licence, str(source.photographs))
