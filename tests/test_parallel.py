import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from lungscope.errors import LungscopeError
from lungscope.parallel import cpu_count, map_files

MANY = range(200)


def double(number):
    return 2 * number


def process(number):
    return os.getpid(), "torch" in sys.modules


def refuse(number, refused):
    if number == refused:
        raise LungscopeError(f"{number} is refused")
    return number


def kill_own_process(number):
    os._exit(9)


def mark(number, folder):
    (folder / str(number)).touch()
    return number


@pytest.mark.parametrize(("count", "workers"), [(0, 2), (63, 2), (64, 2), (65, 3), (200, 1)])
def test_results_come_in_the_order_of_the_items(count, workers):
    assert list(map_files(double, range(count), workers)) == [2 * n for n in range(count)]


def test_few_items_or_one_worker_are_done_in_this_process():
    here = os.getpid()
    assert {pid for pid, _ in map_files(process, range(63), 2)} == {here}
    assert {pid for pid, _ in map_files(process, MANY, 1)} == {here}


def test_many_items_are_done_in_other_processes_that_do_not_load_torch():
    done = list(map_files(process, MANY, 2))
    assert os.getpid() not in {pid for pid, _ in done}
    assert not any(torch for _, torch in done)


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_counts_every_item_once(workers):
    calls = []
    list(map_files(double, MANY, workers, lambda *call: calls.append(call)))
    assert calls == [(n, 200) for n in range(1, 201)]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_the_work_reaches_the_caller(workers):
    with pytest.raises(LungscopeError, match=r"^150 is refused$"):
        list(map_files(partial(refuse, refused=150), MANY, workers))


def test_a_killed_worker_is_told_in_one_line():
    with pytest.raises(LungscopeError, match=r"worker process ended.*use fewer workers"):
        list(map_files(kill_own_process, MANY, 2))


def test_less_than_one_worker_is_refused():
    with pytest.raises(LungscopeError, match="0 workers: give 1 or more"):
        list(map_files(double, MANY, 0))


def test_no_more_than_a_few_chunks_are_done_before_they_are_asked_for(tmp_path):
    results = map_files(partial(mark, folder=tmp_path), range(5000), 2)
    next(results)
    time.sleep(0.3)
    ahead = len(list(tmp_path.iterdir()))
    results.close()
    assert 1 <= ahead <= 7 * 16


def test_a_closed_iterator_leaves_the_rest_undone(tmp_path):
    results = map_files(partial(mark, folder=tmp_path), range(5000), 2)
    next(results)
    results.close()
    done = len(list(tmp_path.iterdir()))
    time.sleep(0.2)
    assert len(list(tmp_path.iterdir())) == done < 5000


SCRIPT = """
import os, sys, time
sys.path.insert(0, {tests!r})
from test_parallel import wait_a_little
from lungscope.parallel import map_files
if __name__ == "__main__":
    for pid in map_files(wait_a_little, range(100_000), 2):
        print(pid, flush=True)
"""


def wait_a_little(number):
    time.sleep(0.01)
    return os.getpid()


def is_gone(pid, patience=5.0):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGKILL"])
def test_the_workers_end_with_their_parent(tmp_path, name):
    ending = getattr(signal, name)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parent)))
    parent = subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    workers = set()
    while len(workers) < 2:  # a worker that is still starting would answer Ctrl-C itself
        workers.add(int(parent.stdout.readline()))
    if ending == signal.SIGINT:
        os.killpg(parent.pid, ending)  # as a terminal does
    else:
        parent.send_signal(ending)
    _, errors = parent.communicate(timeout=10)
    assert parent.returncode in (-ending, 130)
    assert all(is_gone(worker) for worker in workers)
    if ending == signal.SIGINT:
        assert errors.count("Traceback") == 1, errors  # the parent's own, none of a worker


# Counting processors


@pytest.fixture
def eight(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def test_without_a_limit_all_that_the_affinity_allows(eight, tmp_path):
    assert cpu_count(tmp_path) == 8


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("max 100000", 8), ("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1),
     ("1600000 100000", 8), ("nonsense", 8), ("", 8), ("100000 0", 8)],
)  # fmt: skip
def test_a_container_of_version_2_limits_them(eight, tmp_path, limit, expected):
    (tmp_path / "cpu.max").write_text(f"{limit}\n")
    assert cpu_count(tmp_path) == expected


@pytest.mark.parametrize(("quota", "expected"), [("-1", 8), ("300000", 3), ("10000", 1)])
def test_a_container_of_version_1_limits_them(eight, tmp_path, quota, expected):
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert cpu_count(tmp_path) == expected


def test_a_system_without_affinities_counts_its_processors(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cpu_count(tmp_path) == 1
