"""How many processors this process may use: its affinity and its container's limit."""

import math
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def processors(cgroup: Path = CGROUP) -> int:
    """Counts the processors that may be used, at least 1.

    Libraries that ask the machine instead start a thread for each of its processors, however few
    a container is given, and these threads then wait for each other.

    Args:
        cgroup: where Linux shows a container its limits; anything else says nothing.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # Linux alone has it
    available = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = _quota(cgroup)
    return available if quota is None else max(1, min(available, math.ceil(quota)))


def _quota(cgroup: Path) -> float | None:
    """Processors' worth of time that the container is given, or None for no limit."""
    try:  # version 2, then version 1
        quota, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text().strip()
        except (OSError, ValueError):
            return None
    try:
        share = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):  # "max": no limit
        return None
    return share if share > 0 else None  # version 1 says -1 for no limit
