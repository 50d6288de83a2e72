from pathlib import Path

import pytest

from app.settings import Settings, SettingsError, read_settings


def test_nothing_set_gives_the_defaults():
    assert read_settings({}) == Settings()


def test_variables_replace_defaults_with_their_own_type():
    read = read_settings(
        {
            "SCANSCOPE_PORT": "9000",
            "SCANSCOPE_CACHE_FOLDER": "/somewhere",
            "SCANSCOPE_PATIENCE_S": "0.5",
            "SCANSCOPE_HOST": " ",
            "PORT": "1",
        }
    )
    assert (read.port, read.cache_folder, read.patience_s) == (
        9000,
        Path("/somewhere"),
        0.5,
    )
    assert read.host == Settings().host


@pytest.mark.parametrize(
    ("variable", "text", "word"),
    [
        pytest.param("SCANSCOPE_PORT", "web", "must be a number", id="port-in-words"),
        pytest.param("SCANSCOPE_KEPT_CLIPS", "0", "from 1", id="cache-of-nothing"),
        pytest.param("SCANSCOPE_PORT", "-1", "from 1", id="negative-port"),
        pytest.param("SCANSCOPE_PATIENCE_S", "nan", "from 0", id="no-number-of-seconds"),
    ],
)
def test_unusable_values_are_named(variable, text, word):
    with pytest.raises(SettingsError) as caught:
        read_settings({variable: text})
    assert variable in str(caught.value)
    assert word in str(caught.value)
