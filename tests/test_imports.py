"""Imports run one way: a room may lean on rooms below it, and analysis knows no user interface."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Each room with the rooms it may import. Rooms on one floor do not import each other. Single files
# that lean on nothing serve all.
LEAVES = {"nearest_names", "ray_cluster"}
OPS, VIDEO, TEXT = {"ops"}, {"video"}, {"text"}
LAYERS = OPS | {"layers"}
MODELS = LAYERS | {"models"}
TRACING = MODELS | {"tracing"}
ATTRIBUTION = TRACING | VIDEO | {"attribution"}
WEIGHTS = MODELS | VIDEO | TEXT | {"weights"}
PREDICTION = WEIGHTS | TRACING | {"prediction"}
ALLOWED = {
    "ops": OPS,
    "video": VIDEO,
    "text": TEXT,
    "layers": LAYERS,
    "models": MODELS,
    "tracing": TRACING,
    "attribution": ATTRIBUTION,
    "weights": WEIGHTS,
    "prediction": PREDICTION,
    "adaptation": PREDICTION | ATTRIBUTION | {"adaptation"},
    "scan_comparison": PREDICTION | {"scan_comparison"},
    "profiling": PREDICTION | {"profiling"},
    "masking": PREDICTION | {"masking"},
    "retrieval": PREDICTION | {"retrieval"},
    "training": PREDICTION | {"training"},
    "commands": PREDICTION
    | ATTRIBUTION
    | {"adaptation", "scan_comparison", "profiling", "masking", "retrieval", "training"}
    | {"commands"},
}
INTERFACES = {"gradio", "plotly", "app"}


def imported_modules(path: Path) -> set[str]:
    """Every module a file names in an import, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively; name the module in full"
            found.add(node.module)
    return found


def rooms() -> list[str]:
    return sorted(path.parent.name for path in (ROOT / "analysis").glob("*/__init__.py"))


def test_every_room_is_listed():
    assert set(rooms()) == set(ALLOWED)


@pytest.mark.parametrize("room", rooms())
def test_a_room_leans_only_on_rooms_below(room):
    for path in (ROOT / "analysis" / room).rglob("*.py"):
        for module in imported_modules(path):
            parts = module.split(".")
            assert parts[0] not in INTERFACES, f"{path} imports {module}"
            if parts[0] == "analysis" and len(parts) > 1:
                assert parts[1] in ALLOWED[room] | LEAVES, f"{path} imports {module}"


@pytest.mark.parametrize(
    ("room", "above"),
    [("figures", {"components", "tabs", "build"}), ("components", {"tabs", "build"})],
)
def test_app_rooms_lean_one_way(room, above):
    for path in (ROOT / "app" / room).rglob("*.py"):
        for module in imported_modules(path):
            parts = module.split(".")
            assert not (parts[0] == "app" and len(parts) > 1 and parts[1] in above), (
                f"{path} imports {module}"
            )


@pytest.mark.parametrize("path", sorted((ROOT / "app" / "tabs").glob("*.py")), ids=lambda p: p.name)
def test_tabs_do_no_tensor_arithmetic(path):
    assert not {"torch", "numpy"} & {module.split(".")[0] for module in imported_modules(path)}
