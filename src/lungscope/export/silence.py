"""Libraries that talk about their own affairs while they export: not the user's."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout


@contextmanager
def in_silence() -> Iterator[None]:
    """Keeps warnings, log records and printed lines of the block from whoever runs lungscope.

    The exporter warns of its own deprecated parts, the quantiser advises steps that were taken in
    another way and prints its progress. Errors are raised as ever.
    """
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
