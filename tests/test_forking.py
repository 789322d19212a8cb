"""`clipstr.forking`: a child never finds half of what another thread was doing."""

from __future__ import annotations

import os
import threading

import pytest

from clipstr.forking import unforked

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


def exit_code_of(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_fork_waits_for_what_must_be_whole_and_the_child_may_do_the_same() -> None:
    halves: list[int] = []
    inside, go_on = threading.Event(), threading.Event()

    def work() -> None:
        with unforked():
            halves.append(1)
            inside.set()
            go_on.wait(10)
            halves.append(2)

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait(10)
    threading.Timer(0.1, go_on.set).start()
    child = os.fork()
    if not child:
        with unforked():
            os._exit(len(halves))
    assert exit_code_of(child) == 2
    thread.join()


def test_a_thread_may_fork_within_its_own_stretch() -> None:
    with unforked():
        child = os.fork()
        if not child:
            with unforked():
                os._exit(7)
        assert exit_code_of(child) == 7
    with unforked():
        pass
