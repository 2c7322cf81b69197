"""On what, and how exactly, a recipe is carried out: nothing here is part of the recipe."""

import ctypes
import platform
from dataclasses import dataclass
from typing import Literal, get_args

import torch

from lungscope.errors import InvalidSetting
from lungscope.parallel import cpu_count

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["32", "bf16", "16"]
Allocator = Literal["keep", "system"]


@dataclass(frozen=True)
class Execution:
    """Where and in which arithmetic to train.

    Attributes:
        device: "auto" takes CUDA where there is one.
        precision: "32", or mixed with "bf16" or "16".
        allocator: "keep" keeps freed memory (Linux with glibc; see `keep_freed_memory`), "system"
            leaves the C library as it is.

    Examples:
        >>> Execution("cpu").accelerator
        'cpu'
    """

    device: Device = "auto"
    precision: Precision = "32"
    allocator: Allocator = "keep"

    def __post_init__(self) -> None:
        for name, kind in (("device", Device), ("precision", Precision), ("allocator", Allocator)):
            value = getattr(self, name)
            if value not in get_args(kind):
                choices = ", ".join(get_args(kind))
                raise InvalidSetting(f"{name} is {value!r:.40}; give one of {choices}")

    @property
    def accelerator(self) -> Literal["cpu", "cuda"]:
        """The device that "auto" stands for on this machine."""
        if self.device == "auto":
            return "cuda" if torch.cuda.is_available() else "cpu"
        return self.device

    def check(self) -> None:
        """Checks that this machine has the device, and that it computes in the precision.

        Raises:
            InvalidSetting: no such device, or one that is slow or unable in that precision.
        """
        if self.accelerator == "cuda" and not torch.cuda.is_available():
            raise InvalidSetting("no CUDA device was found; choose the device cpu")
        if self.accelerator == "cpu" and self.precision == "16":
            raise InvalidSetting("precision 16 needs a CUDA device; use 32 on a CPU")
        if self.accelerator == "cpu" and self.precision == "bf16" and not _cpu_has_bf16():
            raise InvalidSetting(
                "this CPU has no bfloat16 instructions, and emulating them is about 100 times "
                "slower; use precision 32"
            )
        if self.accelerator == "cuda" and self.precision == "bf16" and not _gpu_has_bf16():
            raise InvalidSetting(
                "this GPU has no bfloat16 arithmetic and would emulate it slowly; "
                "use precision 16 or 32"
            )

    def prepare(self) -> None:
        """Prepares this process: checks the device, sets the threads and the allocator.

        Raises:
            InvalidSetting: as `check`.
        """
        self.check()
        if self.allocator == "keep":
            keep_freed_memory()
        # deterministic algorithms fill fresh memory with NaN by default, to show reads of it: an
        # extra pass over every activation
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        # torch counts the processors of the machine, not those that a container may use
        torch.set_num_threads(cpu_count())


def _gpu_has_bf16() -> bool:
    return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def _cpu_has_bf16() -> bool:
    capabilities = torch.cpu.get_capabilities()
    return any("bf16" in name and bool(there) for name, there in capabilities.items())


_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4


def keep_freed_memory() -> bool:
    """Tells glibc to serve large blocks from its heap and never to shrink it (mallopt(3)).

    Call it before the first large allocation. It holds until the process ends, for the main
    thread, in which a training on the CPU runs: glibc's heaps of other threads hold no block over
    64 MiB, and such a one still comes from the kernel.

    Returns:
        Whether it took effect: False where the C library is not glibc.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, -1))
