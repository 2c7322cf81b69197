import json
import platform
import subprocess
import sys

import pytest
import torch

from lungscope.errors import InvalidSetting, LungscopeError
from lungscope.training import execution
from lungscope.training.execution import Execution, keep_freed_memory


@pytest.fixture(autouse=True)
def process(monkeypatch):
    """What `prepare` does to this process, noted instead of done."""
    done = {"allocator": 0, "threads": None}
    monkeypatch.setattr(
        execution, "keep_freed_memory", lambda: done.update(allocator=done["allocator"] + 1)
    )
    monkeypatch.setattr(torch, "set_num_threads", lambda count: done.update(threads=count))
    return done


@pytest.fixture
def machine(monkeypatch):
    def machine(*, cuda=False, capabilities=None):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities or {})

    return machine


@pytest.mark.parametrize(("there", "expected"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_cuda_where_there_is_one(machine, there, expected):
    machine(cuda=there)
    assert Execution().accelerator == expected
    assert Execution(device="cpu").accelerator == "cpu"


def test_cuda_is_refused_where_there_is_none(machine):
    machine(cuda=False)
    with pytest.raises(LungscopeError, match="no CUDA device was found; choose the device cpu"):
        Execution(device="cuda").prepare()


def test_half_precision_is_refused_on_a_cpu(machine):
    machine(capabilities={"avx512_fp16": True})
    with pytest.raises(LungscopeError, match="precision 16 needs a CUDA device"):
        Execution(device="cpu", precision="16").prepare()


@pytest.mark.parametrize(
    "capabilities", [{}, {"avx512_bf16": False, "amx_bf16": False, "avx2": True}]
)
def test_bfloat16_is_refused_on_a_cpu_that_would_emulate_it(machine, process, capabilities):
    machine(capabilities=capabilities)
    with pytest.raises(LungscopeError, match="use precision 32"):
        Execution(device="cpu", precision="bf16").prepare()
    assert process == {"allocator": 0, "threads": None}


@pytest.mark.parametrize("name", ["avx512_bf16", "amx_bf16", "arm_bf16"])
def test_bfloat16_is_taken_on_a_cpu_that_has_it(machine, name):
    machine(capabilities={"avx2": True, name: True})
    Execution(device="cpu", precision="bf16").prepare()


def test_bfloat16_is_refused_on_a_gpu_that_would_emulate_it(machine, monkeypatch):
    machine(cuda=True)
    asked = []

    def supported(including_emulation=True):
        asked.append(including_emulation)
        return including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    with pytest.raises(LungscopeError, match="use precision 16 or 32"):
        Execution(device="cuda", precision="bf16").prepare()
    assert asked == [False]


@pytest.mark.parametrize("precision", ["32", "16", "bf16"])
def test_every_precision_is_taken_on_a_gpu_that_has_it(machine, monkeypatch, precision):
    machine(cuda=True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    Execution(device="cuda", precision=precision).prepare()


@pytest.mark.parametrize(("allocator", "calls"), [("keep", 1), ("system", 0)])
def test_freed_memory_is_kept_unless_the_system_is_to_have_it(machine, process, allocator, calls):
    machine()
    Execution(device="cpu", allocator=allocator).prepare()
    assert process["allocator"] == calls


def test_as_many_threads_are_used_as_the_process_may(machine, process, monkeypatch):
    machine()
    monkeypatch.setattr(execution, "cpu_count", lambda: 3)
    Execution(device="cpu").prepare()
    assert process["threads"] == 3


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


@pytest.mark.parametrize("wrong", [{"device": "tpu"}, {"precision": "8"}, {"allocator": "mine"}])
def test_an_unknown_choice_is_refused_with_the_choices(wrong):
    (name,) = wrong
    with pytest.raises(InvalidSetting, match=f"{name} is .*; give one of "):
        Execution(**wrong)
