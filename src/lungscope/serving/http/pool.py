"""A bounded queue before a few threads.

Requests are not gathered into batches: on a CPU a batch of 32 images is no faster than 32 images
one by one, a thread each (`benchmarks/serving.py` measures it), and a batch makes the first wait
for the last.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Full(Exception):
    """The queue is full."""


class Late(Exception):
    """The work took too long; the part that had not begun is dropped."""


class Pool:
    """Worker threads with a bounded queue."""

    def __init__(self, workers: int, queue: int) -> None:
        """Starts without work.

        Args:
            workers: threads, >= 1.
            queue: pieces of work that may wait for a thread, >= 1.
        """
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="lungscope-serve")
        self._workers = workers
        self._most = workers + queue
        self._accepted = 0
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """Pieces of work that are accepted and wait for a thread."""
        return max(0, self._accepted - self._workers)

    @property
    def full(self) -> bool:
        """Whether not one more piece of work would be accepted."""
        return self._accepted >= self._most

    async def run(self, work: Sequence[Callable[[], T]], seconds: float) -> list[T]:
        """Runs pieces of work, all of them or none.

        Args:
            work: pieces, done in any order.
            seconds: until all must be done.

        Returns:
            Their results, in the order of the pieces.

        Raises:
            Full: there is no room for all pieces.
            Late: they took too long.
        """
        self._accept(len(work))
        futures = [self._begun(piece) for piece in work]
        waiting = asyncio.gather(*(asyncio.wrap_future(future) for future in futures))
        try:
            return await asyncio.wait_for(waiting, seconds)
        except asyncio.TimeoutError as error:
            raise Late from error
        finally:
            # After an error or a timeout nobody waits for the rest; what runs can't be stopped.
            for future in futures:
                future.cancel()

    def close(self) -> None:
        """Accepts no more work, and waits until the accepted work is done."""
        self._threads.shutdown()

    def _accept(self, count: int) -> None:
        with self._lock:
            if self._accepted + count > self._most:
                raise Full
            self._accepted += count

    def _begun(self, piece: Callable[[], T]) -> "Future[T]":
        try:
            future = self._threads.submit(piece)
        except RuntimeError as error:  # it is closed
            self._release()
            raise Full from error
        future.add_done_callback(lambda _: self._release())
        return future

    def _release(self) -> None:
        with self._lock:
            self._accepted -= 1
