"""Keeping freed memory, so that a training step does not ask the kernel for it anew.

glibc returns every large block to the kernel when it is freed. A training step frees and asks for
hundreds of such blocks, and the kernel clears each page again: measured with
`benchmarks/allocator.py`, most of the time of a step on a small machine. Telling glibc to keep
freed memory is one call, works in the running process, and bounds memory by the peak of a step.
"""

import ctypes
import platform

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
