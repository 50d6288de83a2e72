import csv
import io
import json

from app.components.export import environment, exported, rows_as_csv


def test_csv_has_the_union_of_columns_and_keeps_awkward_text():
    rows = [{"a": 'x "y", z', "b": 1.5}, {"a": "line\nbreak", "c": [1, 2]}]
    read = list(csv.DictReader(io.StringIO(rows_as_csv(rows))))
    assert read == [
        {"a": 'x "y", z', "b": "1.5", "c": ""},
        {"a": "line\nbreak", "b": "", "c": "[1, 2]"},
    ]


def test_json_carries_settings_and_environment_beside_the_results():
    files = exported("name", [{"a": 1}], {"model": "m"}, table=[{"flat": 2}])
    document = json.loads(files["json"])
    assert document["results"] == [{"a": 1}]
    assert document["settings"] == {"model": "m"}
    assert document["environment"] == environment()
    assert {"torch", "python", "system"} <= set(environment())
    assert files["csv"] == "flat\n2\n"
