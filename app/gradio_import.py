"""How gradio is first imported: silent, and without the second and a half of work it would do."""

import inspect
import os


def import_gradio() -> None:
    """Imports gradio without letting it write type stubs for editors.

    Gradio parses the source of each of its components at every start and compares it with a stub
    file beside it, which takes about as long as the rest of its import. It leaves out classes
    that `inspect.getfile` knows no file of; while gradio is being imported, that is all of them.
    """
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    find_file = inspect.getfile

    def find_file_outside_gradio(subject: object) -> str:
        if isinstance(subject, type) and subject.__module__.startswith("gradio."):
            raise OSError(f"{subject.__qualname__} needs no stub file")
        return find_file(subject)

    inspect.getfile = find_file_outside_gradio
    try:
        import gradio  # noqa: F401
    finally:
        inspect.getfile = find_file
