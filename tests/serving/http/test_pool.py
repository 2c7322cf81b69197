import asyncio
import threading
import time

import pytest

from lungscope.serving.http.pool import Full, Late, Pool


@pytest.fixture
def gate():
    """Work that waits until the test lets it go on."""
    event = threading.Event()
    yield event
    event.set()


def run(coroutine):
    return asyncio.run(coroutine)


def test_results_come_in_the_order_of_the_work():
    pool = Pool(workers=3, queue=10)
    work = [lambda n=n: (time.sleep(0.01 * (5 - n)), n)[1] for n in range(5)]
    assert run(pool.run(work, 5)) == [0, 1, 2, 3, 4]


def test_no_more_is_accepted_than_workers_and_queue_have_room_for(gate):
    pool = Pool(workers=1, queue=2)

    async def scenario():
        first = asyncio.create_task(pool.run([gate.wait], 5))
        await asyncio.sleep(0.05)
        assert (pool.waiting, pool.full) == (0, False)
        second = asyncio.create_task(pool.run([gate.wait, gate.wait], 5))
        await asyncio.sleep(0)
        assert (pool.waiting, pool.full) == (2, True)
        with pytest.raises(Full):
            await pool.run([gate.wait], 5)
        gate.set()
        await first
        await second
        assert (pool.waiting, pool.full) == (0, False)
        assert await pool.run([lambda: 7], 5) == [7]

    run(scenario())


def test_of_work_that_does_not_fit_as_a_whole_nothing_is_done(gate):
    pool, done = Pool(workers=1, queue=2), []

    async def scenario():
        with pytest.raises(Full):
            await pool.run([lambda n=n: done.append(n) for n in range(4)], 5)
        await pool.run([lambda: None], 5)

    run(scenario())
    assert done == []


def test_work_that_takes_too_long_is_given_up_and_what_had_not_begun_is_never_done(gate):
    pool, done = Pool(workers=1, queue=4), []

    async def scenario():
        with pytest.raises(Late):
            await pool.run([gate.wait, lambda: done.append(1), lambda: done.append(2)], 0.1)
        assert pool.waiting == 0  # what is given up keeps nobody out
        gate.set()
        assert await pool.run([lambda: 3], 5) == [3]

    run(scenario())
    assert done == []


def test_an_error_of_the_work_is_the_callers():
    pool = Pool(workers=1, queue=4)

    async def scenario():
        with pytest.raises(ZeroDivisionError):
            await pool.run([lambda: 1 / 0, lambda: 2], 5)
        assert await pool.run([lambda: 3], 5) == [3]

    run(scenario())
    assert not pool.full


def test_closing_waits_for_what_is_accepted_and_then_accepts_nothing():
    pool, done = Pool(workers=1, queue=4), []

    async def scenario():
        asked = asyncio.create_task(
            pool.run([lambda n=n: (time.sleep(0.05), done.append(n)) for n in range(4)], 5)
        )
        await asyncio.sleep(0.01)
        await asyncio.to_thread(pool.close)
        assert done == [0, 1, 2, 3]
        await asked
        with pytest.raises(Full):
            await pool.run([lambda: 1], 5)
        assert not pool.full

    run(scenario())
