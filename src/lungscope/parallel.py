"""The same work on many files, on all the processors that this process may use."""

import math
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from lungscope.errors import InvalidSetting, WorkerKilled
from lungscope.progress import OnProgress, ignore

T = TypeVar("T")
R = TypeVar("R")

WORTH_A_POOL = 64
"""Fewer items than this are done sooner in this process than processes are started."""

MOST_WORKERS = 61
"""Windows cannot wait on more processes at once (see `ProcessPoolExecutor`)."""

LARGEST_CHUNK = 16
CHUNKS_AHEAD = 3
"""Chunks a worker may be ahead of the caller, so that unread results stay few."""


def map_files(
    work: Callable[[T], R],
    items: Sequence[T],
    workers: int | None = None,
    on_progress: OnProgress = ignore,
) -> Generator[R, None, None]:
    """Yields `work(item)` for every item, in the order of the items.

    Processes are started afresh ("forkserver", or "spawn" where there is none) and not forked,
    because a forked copy of a process whose libraries run threads can hang. They import the
    module of `work`, which had better import quickly; a script that calls this at its top level
    needs the usual `if __name__ == "__main__":`. They end with this process, however it ends.

    At most `CHUNKS_AHEAD` chunks a worker are in memory at once, however slowly the results are
    taken. Closing the iterator, or an interrupt (Ctrl-C), drops what has not been started.

    Args:
        work: a function at the top level of a module (or a `partial` of one), whose results and
            exceptions can be pickled.
        items: what to work on; each can be pickled.
        workers: how many processes; None for one a processor that this process may use, counting
            its affinity and its container's limit. With 1, or few items, none is started.
        on_progress: called before each result is yielded, with the number of results so far.

    Raises:
        InvalidSetting: `workers` is below 1.
        LungscopeError: a worker was killed.
        Exception: whatever `work` raised first; later results are dropped.

    Examples:
        >>> list(map_files(str.upper, ["a.png", "b.png"]))
        ['A.PNG', 'B.PNG']
    """
    if workers is not None and workers < 1:
        raise InvalidSetting(f"{workers} workers: give 1 or more")
    count = _useful_workers(workers, len(items))
    here = (work(item) for item in items)
    with closing(here if count == 1 else _in_processes(work, items, count)) as results:
        for done, result in enumerate(results, start=1):
            on_progress(done, len(items))
            yield result


def _useful_workers(workers: int | None, items: int) -> int:
    return min(workers or cpu_count(), MOST_WORKERS) if items >= WORTH_A_POOL else 1


# joblib was tried in place of this. Its generator does not bound unread results, and its workers
# outlive a parent that is killed.
def _in_processes(
    work: Callable[[T], R], items: Sequence[T], workers: int
) -> Generator[R, None, None]:
    size = min(LARGEST_CHUNK, -(-len(items) // (workers * CHUNKS_AHEAD)))
    chunks = (items[start : start + size] for start in range(0, len(items), size))
    pool = ProcessPoolExecutor(workers, mp_context=_fresh(), initializer=_begin_worker)
    try:
        through = partial(_work_through, work)
        waiting: deque[Future[list[R]]] = deque(
            pool.submit(through, chunk) for chunk in islice(chunks, workers * CHUNKS_AHEAD)
        )
        while waiting:
            yield from waiting.popleft().result()
            waiting.extend(pool.submit(through, chunk) for chunk in islice(chunks, 1))
    except BrokenProcessPool as error:
        raise WorkerKilled(
            "a worker process ended too soon: killed, most likely for want of memory (use fewer "
            'workers), or the script that was started lacks `if __name__ == "__main__":`'
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _fresh() -> multiprocessing.context.BaseContext:
    return multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")


def _work_through(work: Callable[[T], R], chunk: Sequence[T]) -> list[R]:
    return [work(item) for item in chunk]


def _begin_worker() -> None:
    # Ctrl-C reaches every process of the terminal; only the parent is to answer it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # An executor's worker waits for work for ever when its parent is killed.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


CGROUP = Path("/sys/fs/cgroup")


def cpu_count(cgroup: Path = CGROUP) -> int:
    """Counts the processors that may be used, at least 1.

    Libraries that ask the machine instead start a thread for each of its processors, however few
    a container is given, and these threads then wait for each other.

    Args:
        cgroup: where Linux shows a container its limits; anything else says nothing.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # Linux alone has it
    available = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = _quota(cgroup)
    return available if quota is None else max(1, min(available, math.ceil(quota)))


def _quota(cgroup: Path) -> float | None:
    """Processors' worth of time that the container is given, or None for no limit."""
    try:  # version 2, then version 1
        quota, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text().strip()
        except (OSError, ValueError):
            return None
    try:
        share = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):  # "max": no limit
        return None
    return share if share > 0 else None  # version 1 says -1 for no limit
