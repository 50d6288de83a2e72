"""Long work in a thread of its own: its callback reports on it and can be stopped meanwhile."""

import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Value = TypeVar("Value")

PAUSE_S = 0.2
"""Between two reports."""


class Stopped(Exception):
    """Raised within the work, at its next report, when nobody waits for it any more."""


class BackgroundWork(Generic[Value]):
    """Runs `work(report)`; iterating gives the latest reported share 0..1 until it is done.

    `report(share)` is for the work to call. When the iteration is given up, the work is stopped at
    its next report, so that the locks it holds are let go. An error of the work is raised by the
    iteration; afterwards `value` is what the work returned.
    """

    value: Value

    def __init__(self, work: Callable[[Callable[[float], None]], Value]):
        self._work = work

    def __iter__(self) -> Iterator[float]:
        given_up, latest, failure = threading.Event(), [0.0], []

        def report(share: float) -> None:
            if given_up.is_set():
                raise Stopped
            latest[0] = share

        def run() -> None:
            try:
                self.value = self._work(report)
            except BaseException as error:
                failure.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                thread.join(PAUSE_S)
                if thread.is_alive():
                    yield latest[0]
        finally:
            given_up.set()
        if failure:
            raise failure[0]
