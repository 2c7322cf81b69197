"""How often `lungscope assess` gives a false alarm, ever, and how soon a true one.

    python benchmarks/alarm.py

Synthetic readers judge answers one after the other, and after every verdict somebody looks. Where
errors are as frequent as tolerated, a false alarm is any in the whole course. For comparison the
same readers are looked at with a one-sided exact binomial test after every verdict, which is what
a dashboard with a p-value does.
"""

import numpy as np
from scipy.stats import binom

from lungscope.feedback import gather_evidence

STREAMS, LENGTH, CHANGE, ALPHA = 2000, 5000, 500, 0.05


def false_alarms(tolerated: float, generator: np.random.Generator) -> tuple[int, int]:
    """Counts streams with an alarm by evidence, and with a p-value below alpha at some look."""
    looks = np.arange(1, LENGTH + 1)
    critical = binom.isf(ALPHA, looks, tolerated)  # more errors than that: p < alpha
    evidence = repeated = 0
    for _ in range(STREAMS):
        errors = generator.random(LENGTH) < tolerated
        evidence += gather_evidence(errors, tolerated, ALPHA).alarm is not None
        repeated += bool(np.any(np.cumsum(errors) > critical))
    return evidence, repeated


def delays(tolerated: float, after: float, generator: np.random.Generator) -> list[float]:
    """Verdicts from the change to the alarm; infinity without one."""
    found = []
    for _ in range(STREAMS // 4):
        before = generator.random(CHANGE) < tolerated
        later = generator.random(LENGTH - CHANGE) < after
        alarm = gather_evidence(np.concatenate([before, later]), tolerated, ALPHA).alarm
        found.append(np.inf if alarm is None else alarm - CHANGE)
    return found


def main() -> None:
    """Prints both tables."""
    generator = np.random.default_rng(0)
    print(f"{STREAMS} streams of {LENGTH} verdicts at the tolerated rate: with a false alarm")
    for tolerated in (0.05, 0.1, 0.2):
        evidence, repeated = false_alarms(tolerated, generator)
        print(
            f"  tolerated {tolerated:4.0%}: evidence {evidence / STREAMS:.1%}, "
            f"p-value at every look {repeated / STREAMS:.1%}"
        )
    print(f"tolerated 10 %, from verdict {CHANGE} on more: verdicts until the alarm")
    for after in (0.15, 0.2, 0.3, 0.5):
        low, median, high = np.quantile(
            delays(0.1, after, generator), (0.1, 0.5, 0.9), method="lower"
        )
        print(f"  {after:.0%}: median {median:.0f} (10 % to 90 %: {low:.0f} to {high:.0f})")


if __name__ == "__main__":
    main()
