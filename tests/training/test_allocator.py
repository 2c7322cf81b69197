import json
import platform
import subprocess
import sys

import pytest

from lungscope.training.execution import keep_freed_memory

glibc = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="the C library is not glibc: nothing to tell it"
)

# One byte of every page is written, for the kernel hands out a page on its first use; without
# huge pages, so that there is a page in every 4 KiB. The sizes go up and down, as those of a
# network's layers do, the largest first, so that nothing small lies in a larger one's way. The
# peak is VmHWM: that of getrusage begins with the parent's.
SCRIPT = """
import ctypes, json, resource, sys
from pathlib import Path
from lungscope.training.execution import keep_freed_memory

PR_SET_THP_DISABLE = 41
libc = ctypes.CDLL(None)
libc.prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]

def peak():
    (line,) = [s for s in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in s]
    return int(line.split()[1]) / 1024

took_effect = keep_freed_memory() if sys.argv[1] == "keep" else None
Pages, marks = ctypes.c_char * (100 << 20), b"x" * (100 << 20 >> 12)
faults, before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, peak()
for cycle in range(int(sys.argv[2])):
    size = (100 - 5 * (cycle % 5)) << 20
    block = libc.malloc(size)
    Pages.from_address(block)[:size:4096] = marks[: size >> 12]
    libc.free(block)
print(json.dumps({
    "took_effect": took_effect,
    "faults": resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults,
    "grown_MiB": peak() - before,
}))
"""


def measured(allocator, cycles):
    command = [sys.executable, "-c", SCRIPT, allocator, str(cycles)]
    finished = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    return json.loads(finished.stdout)


@pytest.mark.process
@glibc
def test_kept_memory_is_not_asked_of_the_kernel_again():
    system, keep = measured("system", 20), measured("keep", 20)
    assert keep["took_effect"] is True
    assert system["faults"] > 20 * (80 << 20) / 4096
    assert keep["faults"] < system["faults"] / 7  # those of the largest block, perhaps twice


@pytest.mark.process
@glibc
def test_kept_memory_stays_bounded_by_what_was_used_at_once():
    assert 90 < measured("keep", 200)["grown_MiB"] < 200  # one block of up to 100 MiB at a time


@pytest.mark.parametrize("library", [("", ""), ("musl", "1.2"), ("libc", "")])
def test_another_c_library_is_left_alone(monkeypatch, library):
    monkeypatch.setattr(platform, "libc_ver", lambda: library)
    monkeypatch.delattr("ctypes.CDLL")  # nothing may be called in it
    assert keep_freed_memory() is False
