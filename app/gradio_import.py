"""How gradio is first imported: silent, and without work it would do over and over for nothing."""

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
        import gradio
    finally:
        inspect.getfile = find_file
    _remember_signatures(gradio.blocks.Block)


def _remember_signatures(component: type) -> None:
    """Leaves what a class of components and those below it are made with where `inspect` looks.

    Gradio asks `inspect.signature` of it for every component that it makes and each time that it
    describes the page, thousands of times a start; `__signature__` answers at once.
    """
    made = vars(component).get("__init__")
    if made is not None:
        signature = inspect.signature(made)
        for function in (made, inspect.unwrap(made)):
            function.__signature__ = signature
    for below in component.__subclasses__():
        _remember_signatures(below)
