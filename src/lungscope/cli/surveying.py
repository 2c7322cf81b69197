"""The first step of several commands: read every image of a data set once."""

from pathlib import Path

from lungscope.cli.terminal import Terminal
from lungscope.data.index import Index
from lungscope.data.survey import Survey, survey
from lungscope.errors import LungscopeError


def surveyed(
    data: Path, terminal: Terminal, *, skip_unreadable: bool, workers: int | None
) -> tuple[Index, Survey]:
    """Opens an index and surveys its files.

    Raises:
        LungscopeError: files can't be read and are not to be skipped; each is listed first.
    """
    index = Index.open(data)
    with terminal.progress("reading images") as on_progress:
        found = survey(index, workers, on_progress)
    if found.refused:
        for refused in found.refused[:20]:
            terminal.err.print(f"{refused.file}: {refused.reason}", markup=False)
        if not skip_unreadable:
            raise LungscopeError(
                f"{data}: {len(found.refused)} of {len(index.entries)} files cannot be read; "
                "mend or remove them, or go on without them with --skip-unreadable"
            )
        index = index.without(refused.file for refused in found.refused)
    return index, found
