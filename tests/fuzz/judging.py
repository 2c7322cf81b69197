"""Whether a reader did with an input what is promised: it is read, or refused in one line."""

import contextlib
import logging
import os
import resource
import sys
import tempfile
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path

from lungscope.errors import LONGEST, LungscopeError

MOST_SECONDS = 10
"""For one input of a few kilobytes, on a machine that has other things to do."""

MOST_MEMORY = 1100 * 2**20
"""Bytes beyond what the process had before: docs/how-to/serve.md promises about 1 GB an image."""

_MAY_WARN = ("PIL", "pydicom")
"""Packages whose warnings of damaged metadata are let through, see `lungscope.images.read`."""

# Without a handler, what it logs before it raises would be printed; the command keeps it quiet.
logging.getLogger("PIL").addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Fault:
    """What is wrong with a reader.

    Attributes:
        target: its name.
        kind: one name for one fault, however many inputs show it.
        detail: lines for people.
    """

    target: str
    kind: str
    detail: str


def judge(target, content, folder):
    """Gives an input to a reader; returns what is wrong, or None.

    Args:
        target: the reader.
        content: of the file.
        folder: where it is written, under the target's name for it.
    """
    path = Path(folder) / target.file
    path.write_bytes(content)
    before = _resident()
    _forget_peak()
    with _heard() as (said, warned):
        problem = _problem(target, path)
        printed = said()
    peak = _peak() - before
    if problem is None and printed:
        problem = f"prints: {printed[:40]!r}", printed
    for first in warned if problem is None else ():
        if any(f"/{package}/" in first.filename for package in _MAY_WARN):
            continue
        problem = f"{first.category.__name__} of {Path(first.filename).name}", str(first.message)
    if problem is None and peak > MOST_MEMORY:
        problem = "memory", f"{peak / 2**20:.0f} MiB"
    return None if problem is None else Fault(target.name, *problem)


def _problem(target, path):
    try:
        target.read(path)
    except LungscopeError as error:
        line = str(error)
        if not line.strip() or len(line) > LONGEST or not line.isprintable():
            return f"{type(error).__name__} that is no line", repr(line)[:300]
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [each for each in frames if "lungscope" in each.filename]
        last = (own or frames)[-1]
        place = f"{Path(last.filename).name}:{last.name}"
        return f"{type(error).__name__} at {place}", "".join(traceback.format_exception(error))
    return None


@contextlib.contextmanager
def _heard():
    """Hears what is printed, by C libraries too, and what Python warns of."""
    kept = [(number, os.dup(number)) for number in (1, 2)]
    with tempfile.TemporaryFile() as file, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")

        def said():
            sys.stdout.flush()
            sys.stderr.flush()
            file.seek(0)
            return file.read(4000).decode("utf-8", "replace")

        sys.stdout.flush()
        sys.stderr.flush()
        for number, _ in kept:
            os.dup2(file.fileno(), number)
        try:
            yield said, warned
        finally:
            for number, before in kept:
                os.dup2(before, number)
                os.close(before)


def _forget_peak():
    with contextlib.suppress(OSError):  # other systems, and some sandboxes, have no such file
        Path("/proc/self/clear_refs").write_text("5")


def _status(field):
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) * 1024
    return 0


def _resident():
    return _status("VmRSS")


def _peak():
    return _status("VmHWM")


def bound_memory():
    """Has this process refused more memory than a fault is worth, so that no other one suffers."""
    most = 8 * 2**30
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
