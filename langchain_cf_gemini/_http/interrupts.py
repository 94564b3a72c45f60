"""Ctrl-C for the threads of a pool, which Python does not interrupt.

KeyboardInterrupt is raised in the main thread alone. It leaves the `with` block of a
pool, such as that of `Runnable.batch`, and the block waits for its threads: they sleep
between attempts, or wait for answers that nobody will read. So who waits in a thread
looks now and then whether its pool is being left in this way, and then ends.

It is seen in the main thread's frames: `Executor.__exit__` is told the exception. A
handler of signals would do the same for batches of this package alone, and not for
chains, agents and pools of the caller's own; and it would be in asyncio's way.
"""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import Executor

LOOK_SECONDS = 0.2
"""How often who waits looks."""
_LEAVING = Executor.__exit__.__code__


def is_abandoned() -> bool:
    """Whether this thread works for a pool that the main thread is leaving.

    It is leaving for good at an interrupt, an exit, and the end of a generator that is
    not read on. At other exceptions work that was begun is to be finished.
    """
    this = threading.current_thread()
    if this is threading.main_thread():
        return False
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None:
        if frame.f_code is _LEAVING:
            leaving = frame.f_locals
            if not issubclass(leaving["exc_type"] or Exception, Exception):
                return this in getattr(leaving["self"], "_threads", ())
        frame = frame.f_back
    return False


def check() -> None:
    """Raise KeyboardInterrupt in a thread that works for nobody any longer."""
    if is_abandoned():
        raise KeyboardInterrupt("the pool of this thread is being left")


def sleep(seconds: float) -> None:
    """Sleep as `time.sleep` does, or until this thread's pool is left."""
    if threading.current_thread() is threading.main_thread():
        time.sleep(seconds)
        return
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        check()
        time.sleep(min(left, LOOK_SECONDS))
