"""Maps as the app keeps them, written by hand."""

import pytest

from analysis.attribution.attribution import METHODS


@pytest.fixture
def make_map():
    """Makes a map: `make_map(values, grid, method=..., ...)`."""

    def make(values, grid=(2, 1, 2), method="mamba_lrp", **fields):
        return {
            "method": method,
            "title": METHODS[method].title,
            "family": METHODS[method].family,
            "target": 3,
            "label": "pan right",
            "grid": list(grid),
            "values": list(values),
            "signed": any(value < 0 for value in values),
            "cls_value": None,
            "completeness_error": None,
            "bias_share": None,
            "omits": ["the sign"],
            "settings": {},
            "seed": 0,
            "latency_ms": 12.0,
        } | fields

    return make


@pytest.fixture
def make_curves():
    """Makes a row of curves that falls or rises to `scores`."""

    def make(scores, kind="deletion", method="mamba_lrp", random=(0.8, 0.7, 0.1), auc=0.3):
        return {
            "method": method,
            "title": METHODS[method].title,
            "label": "pan right",
            "kind": kind,
            "score": "probability",
            "baseline": "zero",
            "units": "tubelets",
            "complete": True,
            "shares": [0.0, 0.5, 1.0],
            "most_first": list(scores),
            "least_first": [0.8, 0.8, 0.1],
            "random": list(random),
            "auc": auc,
            "random_auc": 0.6,
            "reverse_auc": 0.7,
            "gap": 0.7 - auc,
            "seed": 0,
        }

    return make
