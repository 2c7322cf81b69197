"""Mutates small valid files and gives them to the readers: each is read, or refused in one line.

    python -m tests.fuzz --seconds 45            # what CI does; prints its seed
    python -m tests.fuzz --seconds 1800          # by hand
    python -m tests.fuzz --only tiff --seed 7 --found /tmp/found

Input N of a reader follows from the seed, the reader and N alone. Inputs are read in a process of
their own, so that one that hangs or crashes is told, too. What is found is made smaller, printed,
and with --found written to a folder; the fault is then mended together with a test, in the test's
own words, beside the reader's other tests.
"""

import argparse
import contextlib
import hashlib
import itertools
import multiprocessing
import os
import random
import tempfile
import time
from pathlib import Path

from fuzz.judging import MOST_SECONDS, Fault, bound_memory, judge
from fuzz.targets import TARGETS

_IMPORT_SECONDS = 30  # for the first input of a reader, which may import torch
_TRIES = 400


def make_input(target, seed, number):
    """Input N of a reader; the first ones are the corpus as it is."""
    corpus = target.corpus()
    if number < len(corpus):
        return corpus[number]
    drawn = random.Random(f"{seed} {target.name} {number}")  # noqa: S311
    return target.mutate(drawn, drawn.choice(corpus), corpus)


class Reader:
    """A process that judges inputs; another one takes its place when it hangs or crashes."""

    def __init__(self):
        self._process = None

    def judge(self, target, made):
        """Returns what is wrong, or None.

        Args:
            target: the reader.
            made: an input, or the seed and the number by which one is made.
        """
        if self._process is None:
            self._start()
        self._pipe.send((target.name, made))
        most = MOST_SECONDS + (0 if target.name in self._known else _IMPORT_SECONDS)
        self._known.add(target.name)
        if not self._answers(most):
            self.stop()
            return Fault(target.name, "hang", f"over {most} s")
        try:
            return self._pipe.recv()
        except EOFError:
            self._process.join()
            code = self._process.exitcode
            self.stop()
            return Fault(target.name, f"crash ({code})", f"exit code {code}")

    def _answers(self, seconds):
        """Waits for an answer; on a busy machine the process's own time counts."""
        began, used = time.monotonic(), self._processor_seconds()
        while not self._pipe.poll(0.5):
            if time.monotonic() - began > 20 * seconds:
                return False
            if self._processor_seconds() - used > seconds:
                return False
        return True

    def _processor_seconds(self):
        """What the process has used of a processor; where the system does not say, of the clock."""
        with contextlib.suppress(OSError, IndexError):
            stat = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
        return time.monotonic()

    def stop(self):
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def _start(self):
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self._known = set()


def _serve(pipe):
    bound_memory()
    known = {target.name: target for target in TARGETS}
    with tempfile.TemporaryDirectory() as folder:
        while True:
            try:
                name, made = pipe.recv()
            except EOFError:
                return
            content = made if isinstance(made, bytes) else make_input(known[name], *made)
            place = Path(folder) / name
            place.mkdir(exist_ok=True)
            pipe.send(judge(known[name], content, place))


def search(targets, seed, seconds, on_found=lambda _fault, _content: None):
    """Goes round the readers, an input each, until the time is over.

    Args:
        targets: the readers.
        seed: of all inputs.
        seconds: to search for.
        on_found: called with each new fault and an input that shows it.

    Returns:
        How many inputs were given, and the faults by reader and kind.
    """
    found, given = {}, 0
    reader, end = Reader(), time.monotonic() + seconds
    try:
        for number in itertools.count():
            for target in targets:
                if time.monotonic() > end:
                    return given, found
                fault = reader.judge(target, (seed, number))
                given += 1
                if fault is not None and (fault.target, fault.kind) not in found:
                    found[fault.target, fault.kind] = fault
                    content = make_input(target, seed, number)
                    on_found(fault, _smaller(reader, target, content, fault))
    finally:
        reader.stop()


def _smaller(reader, target, content, fault):
    """A shorter input with the same fault: pieces are taken away as long as it stays."""
    if fault.kind in ("hang", "memory") or fault.kind.startswith("crash"):
        return content
    tries, size = 0, max(len(content) // 2, 1)
    while size and tries < _TRIES:
        place = 0
        while place < len(content) and tries < _TRIES:
            fewer = content[:place] + content[place + size :]
            again = reader.judge(target, fewer)
            tries += 1
            if again is not None and again.kind == fault.kind:
                content = fewer
            else:
                place += size
        size //= 2
    return content


def main(arguments=None):
    """Runs a campaign; returns 1 if it found a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=45)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--only", default="", help="readers whose name contains this")
    parser.add_argument("--found", type=Path, help="folder for inputs that show a fault")
    options = parser.parse_args(arguments)
    targets = [target for target in TARGETS if options.only in target.name]
    print(f"seed {options.seed}, {len(targets)} readers, {options.seconds:g} s", flush=True)

    def tell(fault, content):
        print(f"\n{fault.target}: {fault.kind}\n{fault.detail}\n{content[:200]!r}", flush=True)
        if options.found is not None:
            options.found.mkdir(parents=True, exist_ok=True)
            name = hashlib.sha256(content).hexdigest()[:12]
            (options.found / f"{fault.target}-{name}").write_bytes(content)

    given, found = search(targets, options.seed, options.seconds, tell)
    print(f"{given} inputs, {len(found)} faults (seed {options.seed})")
    return 1 if found else 0
