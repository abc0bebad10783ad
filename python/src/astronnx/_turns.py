"""Calls from the library's threads, answered on the thread that waits for them."""

from __future__ import annotations

import queue
import threading
from collections import deque
from typing import Callable, Deque, List, Optional


class _Ask:
    """A call that a thread of the library waits for."""

    __slots__ = ("f", "arguments", "status", "answered")

    def __init__(self, f: Callable[..., int], arguments: tuple) -> None:
        self.f, self.arguments, self.status, self.answered = f, arguments, None, threading.Lock()
        self.answered.acquire()


class Turns:
    """A call of the library on a thread of its own, while this one answers its callbacks and handles signals."""

    def __init__(self, cancel: Callable[[], object]) -> None:
        self.cancel = cancel
        self.asks: Deque[_Ask] = deque()
        self.wake: queue.SimpleQueue = queue.SimpleQueue()
        self.failure: Optional[BaseException] = None  # the first that a callback raised

    def ask(self, f: Callable[..., int], *arguments) -> int:
        """Calls f on the thread that waits, from one of the library: 1 if it raises."""
        ask = _Ask(f, arguments)
        self.asks.append(ask)
        self.wake.put(None)
        ask.answered.acquire()
        return ask.status

    def wait(self, f: Callable[[], int]) -> int:
        """Calls f, and returns what it does. An exception of a callback, or of a signal's handler, ends it and is raised then."""
        status: List[int] = []
        ended: List[bool] = []

        def work() -> None:
            try:
                status.append(f())
            finally:
                ended.append(True)
                self.wake.put(None)

        thread = threading.Thread(target=work)
        thread.start()
        raised = None  # by a handler
        while not ended:
            try:
                if raised is not None:
                    self.cancel()  # again and again: the run may not have begun
                self.answer()
                self.wake.get(timeout=0.1)
            except queue.Empty:
                pass
            except BaseException as error:
                if raised is None:
                    raised = error
                elif self.failure is None:
                    self.failure = error  # who insists does not wait for data
        thread.join()
        failure, self.failure = self.failure if raised is None else raised, None
        try:
            if failure is not None:
                raise failure
        finally:
            del failure, raised  # a traceback holds this frame
        return status[0]

    def answer(self) -> None:
        """Answers what was asked. A handler may raise anywhere in here, after which it is called again."""
        while self.asks:
            ask = self.asks[0]
            if ask.status is None:
                if self.failure is not None:
                    ask.status = 1
                else:
                    try:
                        ask.status = ask.f(*ask.arguments)
                    except BaseException as error:
                        self.failure, ask.status = error, 1
            if ask.answered.locked():
                ask.answered.release()
            self.asks.popleft()
