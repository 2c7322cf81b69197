"""How long to wait after a failure: longer each time, and never all at once."""

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Exponential backoff with jitter.

    Attributes:
        first: seconds after the first failure, at most.
        longest: seconds, at most, however many failures there were.
    """

    first: float = 5.0
    longest: float = 3600.0

    def delay(self, failures: int, chance: Callable[[], float] = random.random) -> float:
        """Seconds to wait, between half and all of what doubling gives.

        Args:
            failures: so far, >= 1.
            chance: draws from [0, 1).
        """
        full = min(self.longest, self.first * 2.0 ** min(failures - 1, 60))
        return full * (0.5 + 0.5 * chance())
