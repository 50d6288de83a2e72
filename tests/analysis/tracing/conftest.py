"""What holds for all tests of tracing."""

import pytest


@pytest.fixture(autouse=True, scope="module")
def small_tensors(one_thread):
    """All tests here run in one thread."""
