"""Work in a thread of its own: reports come, errors come, and it can be given up."""

import threading
import time

import pytest

from app.background import BackgroundWork


def test_shares_come_while_it_runs_and_the_value_after():
    go = threading.Event()

    def work(report):
        report(0.5)
        go.wait(10)
        return "done"

    running = BackgroundWork(work)
    shares = []
    for share in running:
        shares.append(share)
        go.set()
    assert shares and set(shares) <= {0.0, 0.5}
    assert running.value == "done"


def test_an_error_is_raised_where_it_is_waited_for():
    def work(report):
        raise ValueError("no such layer")

    with pytest.raises(ValueError, match="no such layer"):
        list(BackgroundWork(work))


def test_work_given_up_stops_at_its_next_report():
    stopped = threading.Event()

    def work(report):
        try:
            for _ in range(2000):
                report(0.1)
                time.sleep(0.01)
        finally:
            stopped.set()

    steps = iter(BackgroundWork(work))
    next(steps)
    steps.close()
    assert stopped.wait(5)
