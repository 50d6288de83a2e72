"""What to try instead of a name that nobody knows."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """The end of a sentence: up to three known names like `name`.

    Where none is like it: `otherwise` if given, else all of them.
    """
    names = list(known)
    near = get_close_matches(name, names, n=3, cutoff=0.4)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return otherwise or (f"choose {', '.join(names)}." if names else "it takes none.")
