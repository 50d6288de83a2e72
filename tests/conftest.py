"""What all tests share: the test data, and one small model."""

import os
from pathlib import Path

import pytest

# Before gradio is imported anywhere: no test may reach outside.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def golden_folder() -> Path:
    """Reference outputs of the published implementation."""
    return DATA / "golden"


@pytest.fixture(scope="session")
def clips_folder() -> Path:
    """Small real clips, their sources and licences in README.md beside them."""
    return DATA / "clips"
