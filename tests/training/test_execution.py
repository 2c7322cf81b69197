import pytest
import torch

from lungscope.errors import LungscopeError
from lungscope.training import execution
from lungscope.training.execution import Execution


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
    with pytest.raises(LungscopeError, match="no CUDA device was found; use --device cpu"):
        Execution(device="cuda").prepare()


def test_half_precision_is_refused_on_a_cpu(machine):
    machine(capabilities={"avx512_fp16": True})
    with pytest.raises(LungscopeError, match="--precision 16 needs a CUDA device"):
        Execution(device="cpu", precision="16").prepare()


@pytest.mark.parametrize(
    "capabilities", [{}, {"avx512_bf16": False, "amx_bf16": False, "avx2": True}]
)
def test_bfloat16_is_refused_on_a_cpu_that_would_emulate_it(machine, process, capabilities):
    machine(capabilities=capabilities)
    with pytest.raises(LungscopeError, match="use --precision 32"):
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
    with pytest.raises(LungscopeError, match="use --precision 16 or 32"):
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
