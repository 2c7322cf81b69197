"""What every command says in the same way: progress, tables, JSON."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console

from lungscope.progress import OnProgress, ignore

if TYPE_CHECKING:
    from rich.progress import ProgressColumn

LONGEST_NAME = 44
"""Characters of a file's name in a table on a terminal; of a longer one the end is shown."""

WIDE = 160
"""Columns where there is no terminal to fit: what goes to a file is not to be cut."""

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        """Leaves it to the command line, which ends in the same way whatever was printing."""
        raise BrokenPipeError


class Terminal:
    """Where a command's words go.

    What a person reads goes to standard output, progress to standard error; with `json` the
    output is one JSON document and nothing else, and with `quiet` neither is shown.
    """

    def __init__(self, *, quiet: bool = False, json: bool = False) -> None:
        self.json = json
        self.silent = quiet or json
        self.out = _Console(quiet=self.silent, highlight=False, soft_wrap=True)
        if not self.out.is_terminal:
            self.out.width = WIDE
        self.err = _Console(stderr=True, quiet=self.silent, highlight=False)

    @property
    def longest_name(self) -> int | None:
        """Characters of a file's name in a table; None for all, where it goes to a file."""
        return LONGEST_NAME if self.out.is_terminal else None

    def say(self, *parts: Any) -> None:
        """Says something to a person: text with rich's markup, or a table."""
        self.out.print(*parts)

    def answer(self, value: Any) -> None:
        """Prints the answer for a program, if one asked."""
        if self.json:
            print(json.dumps(value, ensure_ascii=False, allow_nan=False))

    @contextmanager
    def progress(self, what: str, count: "ProgressColumn | None" = None) -> Iterator[OnProgress]:
        """Shows a bar on a terminal while the block runs; nothing where there is none.

        Args:
            what: is being done.
            count: how (done, total) is shown; as items by default.
        """
        if self.silent or not self.err.is_terminal:
            yield ignore
            return
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            count or MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self.err,
            transient=True,
        )
        bar = bars.add_task(what, total=None)

        def show(done: int, total: int) -> None:
            bars.start()  # not before there is something to show: the work may be done already
            bars.update(bar, completed=done, total=total or None)
            if done == total:  # what follows in the block may show a bar of its own
                bars.stop()

        try:
            yield show
        finally:
            bars.stop()
