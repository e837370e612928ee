"""Ctrl-C and SIGTERM wait for the end of a write, whichever thread of the process takes them."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from dacl_edu.files import undisturbed


def sends(number: int) -> threading.Thread:
    """A thread that takes the signal itself, as those of torch and TensorBoard may."""
    thread = threading.Thread(target=lambda: signal.pthread_kill(threading.get_ident(), number))
    thread.start()
    return thread


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals to threads")
@pytest.mark.parametrize("take", [sends, lambda number: os.kill(os.getpid(), number)], ids=["thread", "process"])
def test_an_interrupt_comes_at_the_end_of_the_block(take, request: pytest.FixtureRequest) -> None:
    done = False
    # in a job that a shell put into the background SIGINT is ignored
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    with pytest.raises(KeyboardInterrupt), undisturbed():
        take(signal.SIGINT)
        for _ in range(20):
            time.sleep(0.005)  # here Python would run the handler
        done = True
    assert done and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_nothing_comes_of_nothing_and_an_error_stays_one() -> None:
    with undisturbed():
        pass
    with pytest.raises(ZeroDivisionError), undisturbed():
        1 / 0  # noqa: B018
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(undisturbed().__enter__() is None))
    thread.start()
    thread.join()
    assert found == [True], "in another thread it does nothing"
