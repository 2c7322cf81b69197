"""What HTTP costs: the service against `Classifier.predict_files` on the same files, in one run.

    python benchmarks/serving.py --model DIR [--parts batching throughput latency overload memory]

The service is a process of its own, started as a user starts it; the clients run in this process,
on the same processors, so that what they cost is counted against the service. The distances of the
project: throughput of 32 clients at least 80 % of `predict_files`; at half that load the slowest of
100 requests under 4 times the median of a single client; under overload no 5xx but 503; memory
within 10 % over 20,000 requests. Ratios travel, absolute figures do not.
"""

import argparse
import asyncio
import contextlib
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from lungscope.parallel import cpu_count

PARTS = ("batching", "throughput", "latency", "overload", "memory")
BOUNDARY = b"lungscope-benchmark"


class Client(asyncio.Protocol):
    """One connection that sends a request made beforehand and waits for the whole answer."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.answered: asyncio.Future[int] | None = None
        self.received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.received += data
        end = self.received.find(b"\r\n\r\n")
        if end < 0 or self.answered is None or self.answered.done():
            return
        head = bytes(self.received[:end])
        length = int(re.search(rb"content-length: (\d+)", head)[1])
        if len(self.received) >= end + 4 + length:
            self.received.clear()
            self.answered.set_result(int(head[9:12]))

    def connection_lost(self, _: Exception | None) -> None:
        self.transport = None
        if self.answered is not None and not self.answered.done():
            self.answered.set_result(0)

    async def ask(self, request: bytes) -> int:
        """The status of the answer; 0 where the connection broke."""
        if self.transport is None:
            return 0
        self.received.clear()
        self.answered = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self.answered


class Service:
    """`lungscope serve` in a process of its own."""

    def __init__(self, model: Path | None, *options: str) -> None:
        command = [sys.executable, "-m", "lungscope", "serve", "--port", "0", *options]
        command += [] if model is None else ["--model", str(model)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.port = int(re.search(r":(\d+)/", line)[1])

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)

    def processor_seconds(self) -> float:
        """Spent by all its threads so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """MiB in memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    async def client(self) -> Client:
        loop = asyncio.get_running_loop()
        for _ in range(50):
            with contextlib.suppress(OSError):
                return (await loop.create_connection(Client, "127.0.0.1", self.port))[1]
            await asyncio.sleep(0.1)
        raise OSError("the service cannot be reached")


def requests(files: list[Path]) -> list[bytes]:
    made = []
    for file in files:
        body = (
            b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="file"; filename="'
            + file.name.encode() + b'"\r\n\r\n' + file.read_bytes()
            + b"\r\n--" + BOUNDARY + b"--\r\n"
        )  # fmt: skip
        head = (
            b"POST /v1/predictions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
            b"multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n"
        )
        made.append(head % (BOUNDARY, len(body)) + body)
    return made


async def closed_loop(service: Service, made: list[bytes], clients: int) -> tuple[float, Counter]:
    """Every client asks again as soon as it is answered, until all is asked: requests a second."""
    coming = iter(made)
    statuses: Counter[int] = Counter()

    async def one(client: Client) -> None:
        for request in coming:
            statuses[await client.ask(request)] += 1

    connected = [await service.client() for _ in range(clients)]
    began = time.perf_counter()
    await asyncio.gather(*map(one, connected))
    return statuses.total() / (time.perf_counter() - began), statuses


async def single(service: Service, made: list[bytes]) -> list[float]:
    client = await service.client()
    seconds = []
    for request in made:
        began = time.perf_counter()
        assert await client.ask(request) == 200
        seconds.append(time.perf_counter() - began)
    return seconds


def arrivals(rate: float, seconds: float) -> list[float]:
    """Seconds after the beginning at which requests come, at random (Poisson)."""
    chance = np.random.default_rng(0)
    return np.cumsum(chance.exponential(1 / rate, round(rate * seconds))).tolist()


async def open_loop(
    service: Service, made: list[bytes], times: list[float]
) -> tuple[list[float], Counter]:
    """Requests come when they come, whether those before are answered or not."""
    idle: list[Client] = [await service.client() for _ in range(64)]
    found: list[float] = []
    statuses: Counter[int] = Counter()
    chance = random.Random(0)  # noqa: S311 - no secret
    tasks = []

    async def one(due: float, request: bytes) -> None:
        client = idle.pop() if idle else await service.client()
        if client.transport is None:  # the service has closed it, as it was idle for long
            client = await service.client()
        statuses[await client.ask(request)] += 1
        found.append(time.perf_counter() - due)
        idle.append(client)

    began = time.perf_counter()
    for after in times:
        await asyncio.sleep(max(0.0, began + after - time.perf_counter()))
        tasks.append(asyncio.create_task(one(began + after, chance.choice(made))))
    await asyncio.gather(*tasks)
    return found, statuses


async def without_http(
    ask: Callable[[Path], object], files: list[Path], times: list[float]
) -> list[float]:
    """The same arrivals at as many threads as processors: what the machine itself does to them."""
    found: list[float] = []
    loop = asyncio.get_running_loop()
    chance = random.Random(0)  # noqa: S311 - no secret

    with ThreadPoolExecutor(cpu_count()) as pool:

        async def one(due: float) -> None:
            await loop.run_in_executor(pool, ask, chance.choice(files))
            found.append(time.perf_counter() - due)

        began, tasks = time.perf_counter(), []
        for after in times:
            await asyncio.sleep(max(0.0, began + after - time.perf_counter()))
            tasks.append(asyncio.create_task(one(began + after)))
        await asyncio.gather(*tasks)
    return found


async def crowd(service: Service, made: list[bytes], clients: int, seconds: float) -> Counter:
    """Many clients that ask again and again, over new connections where theirs are closed."""
    statuses: Counter[int] = Counter()
    end = time.perf_counter() + seconds

    async def one(number: int) -> None:
        client = await service.client()
        while time.perf_counter() < end:
            status = await client.ask(made[number % len(made)])
            statuses[status] += 1
            if client.transport is None or status != 200:
                if client.transport is not None:
                    client.transport.close()
                await asyncio.sleep(0.2)
                client = await service.client()

    await asyncio.gather(*(one(number) for number in range(clients)))
    return statuses


def batching(model: Path | None, files: list[Path]) -> None:
    from lungscope.images import read, to_square
    from lungscope.inference.exported import ExportedModel, Session, find_model

    exported = ExportedModel.load(find_model(model))
    session = Session(exported.graph)
    size = exported.description.preprocessing.size
    squares = np.stack([to_square(read(file), size) for file in files[:64]])[:, None]
    rates: dict[int, list[float]] = {1: [], 32: []}
    for _ in range(5):
        for size in rates:
            began = time.perf_counter()
            for start in range(0, len(squares), size):
                session.answer(squares[start : start + size])
            rates[size].append(len(squares) / (time.perf_counter() - began))
    one, batch = (statistics.median(each) for each in rates.values())
    print(f"a thread: {one:.0f} images/s one by one, {batch:.0f} in 32s, {batch / one:.2f} times")


def throughput(service: Service, model: Path | None, files: list[Path], rounds: int) -> float:
    from lungscope import Classifier
    from lungscope.inference.exported import find_model

    classifier = Classifier.load(find_model(model))
    made = requests(files)
    ratios, rates, costs = [], [], []
    for _ in range(rounds):
        spent = time.process_time()
        began = time.perf_counter()
        for _outcome in classifier.predict_files(files):
            pass
        bare = len(files) / (time.perf_counter() - began)
        spent, clients = time.process_time() - spent, time.process_time()
        served = service.processor_seconds()
        rate, statuses = asyncio.run(closed_loop(service, made, 32))
        assert set(statuses) == {200}, statuses
        print(f"predict_files {bare:6.1f} images/s   32 clients {rate:6.1f}   {rate / bare:.2f}")
        costs.append((spent, service.processor_seconds() - served, time.process_time() - clients))
        ratios.append(rate / bare)
        rates.append(rate)
    print(
        f"32 clients / predict_files: median {statistics.median(ratios):.2f}, at least 0.80 is due"
    )
    medians = [1000 * statistics.median(each) / len(files) for each in zip(*costs, strict=True)]
    bare, served, clients = medians
    print(
        f"processor time an image: predict_files {bare:.1f} ms, the service {served:.1f} ms, its "
        f"32 clients {clients:.1f} ms"
    )
    return statistics.median(rates)


def latency(
    service: Service, model: Path | None, files: list[Path], rate: float, seconds: float
) -> None:
    from lungscope import Classifier
    from lungscope.inference.exported import find_model

    classifier = Classifier.load(find_model(model))
    made, times = requests(files), arrivals(rate / 2, seconds)
    median = statistics.median(asyncio.run(single(service, made[:200])))
    alone = []
    for file in files[:200]:
        began = time.perf_counter()
        classifier.predict(file)
        alone.append(time.perf_counter() - began)
    found, statuses = asyncio.run(open_loop(service, made, times))
    bare = asyncio.run(without_http(classifier.predict, files, times))
    for what, one, many in (
        (f"HTTP, {dict(statuses)}", median, found),
        ("the same arrivals without HTTP", statistics.median(alone), bare),
    ):
        p50, p99 = np.percentile(many, [50, 99])
        print(
            f"{what}: one at a time {1000 * one:.1f} ms; at {rate / 2:.0f} a second median "
            f"{1000 * p50:.1f} ms, p99 {1000 * p99:.1f} ms = {p99 / one:.1f} times (HTTP: under 4 "
            "is due)"
        )


def overload(service: Service, files: list[Path], clients: int, seconds: float) -> None:
    began = time.perf_counter()
    statuses = asyncio.run(crowd(service, requests(files), clients, seconds))
    passed = time.perf_counter() - began
    wrong = {status for status in statuses if status >= 500 and status != 503}
    print(
        f"{clients} clients for {passed:.0f} s: {dict(sorted(statuses.items()))}, "
        f"{statuses[200] / passed:.0f} answers/s, other 5xx: {wrong or 'none'}"
    )


def memory(service: Service, files: list[Path], total: int) -> None:
    made = requests(files)
    portion = [made[number % len(made)] for number in range(total // 10)]
    found = []
    for _ in range(10):
        asyncio.run(closed_loop(service, portion, 8))
        found.append(service.memory())
    print(
        "memory in MiB after each tenth of "
        f"{total:,} requests: {', '.join(f'{each:.0f}' for each in found)}; "
        f"last / first {found[-1] / found[0]:.3f}, 0.9 to 1.1 is due"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="default: the bundled model")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=20000)
    options = parser.parse_args()
    from lungscope.phantom import write_phantoms

    with tempfile.TemporaryDirectory() as folder:
        written = write_phantoms(Path(folder) / "phantoms", options.images, size=299)
        files = sorted(written.rglob("*.png"))
        if "batching" in options.parts:
            batching(options.model, files)
        service = Service(options.model, "--queue", "64")
        try:
            asyncio.run(closed_loop(service, requests(files[:50]), 4))
            rate = 0.0
            if {"throughput", "latency"} & set(options.parts):
                rate = throughput(service, options.model, files, options.rounds)
            if "latency" in options.parts:
                latency(service, options.model, files, rate, options.seconds)
            if "overload" in options.parts:
                overload(service, files, options.clients, min(options.seconds, 20))
            if "memory" in options.parts:
                memory(service, files, options.requests)
        finally:
            service.stop()


if __name__ == "__main__":
    main()
