"""`lungscope pacs status`, `failed`, `retry` and `drop`: what is in a spool, and work on it."""

import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer
from rich.table import Table

from lungscope.cli.options import Json
from lungscope.cli.terminal import Terminal
from lungscope.errors import InvalidSetting

if TYPE_CHECKING:
    from lungscope.serving.pacs.selection import Selection
    from lungscope.serving.pacs.status import Status

SpoolOption = Annotated[
    Path, typer.Option("--spool", help="Spool directory for instances being processed.")
]
Keys = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY...", help="Keys as `status` shows them, or SOP Instance UIDs.", show_default=""
    ),
]
InState = Annotated[
    list[str] | None,
    typer.Option(
        "--state",
        metavar="STATE",
        help="Instances in a state: received, classified, sent, refused, failed; repeatable.",
    ),
]
WithReason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Instances whose reason contains this.")
]
OfTarget = Annotated[
    str,
    typer.Option(
        "--target",
        metavar="AET@HOST:PORT",
        help="Instances with a result that a target has not.",
    ),
]
OlderThan = Annotated[
    str | None,
    typer.Option(
        "--older-than", metavar="AGE", help="Instances that came before: 30m, 12h or 7d ago."
    ),
]
_SHOWN = 12


def status(
    spool: SpoolOption,
    as_json: Json = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 if something needs attention.")
    ] = False,
) -> None:
    """Show what is waiting, done and failed, and how the node fares, without identifiers."""
    from lungscope.serving.pacs.status import Status

    found = Status.of(spool)
    terminal = Terminal(json=as_json)
    terminal.answer(found.to_json())
    _print_status(terminal, found)
    if check and found.problems:
        raise typer.Exit(1)


def failed(spool: SpoolOption, as_json: Json = False) -> None:
    """List what was given up: instances that were not classified, and results that were refused."""
    from lungscope.serving.pacs.maintenance import find_failures

    found = find_failures(spool)
    terminal = Terminal(json=as_json)
    terminal.answer(
        {
            "instances": [each.to_json() for each in found.instances],
            "deliveries": [each.to_json() for each in found.deliveries],
        }
    )
    if not found.instances and not found.deliveries:
        terminal.say("Nothing has failed.")
        return
    table = Table("instance", "result", "target", "attempts", "reason", box=None)
    for entry in found.instances:
        table.add_row(entry.key[:_SHOWN], "", "", str(entry.attempts), entry.reason or "")
    for each in found.deliveries:
        table.add_row(
            each.key[:_SHOWN], each.kind, each.target, str(each.attempts), each.reason or ""
        )
    terminal.say(table)


def retry(
    spool: SpoolOption,
    keys: Keys = None,
    state: InState = None,
    reason: WithReason = "",
    target: OfTarget = "",
    older_than: OlderThan = None,
) -> None:
    """Try again at once what failed or waits; without a choice, all of it.

    A node that runs goes on with it, one that does not does so when it starts.
    """
    from lungscope.serving.pacs.maintenance import retry as retry_in

    again, gone = retry_in(spool, _selection(keys, state, reason, target, older_than))
    terminal = Terminal()
    terminal.say(f"{len(again):,} are tried again.")
    if gone:
        terminal.say(
            f"{len(gone):,} have no file any more; have them sent again: "
            + ", ".join(key[:_SHOWN] for key in gone[:20])
        )


def drop(
    spool: SpoolOption,
    keys: Keys = None,
    state: InState = None,
    reason: WithReason = "",
    target: OfTarget = "",
    older_than: OlderThan = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would be.")] = False,
) -> None:
    """Remove instances with their files, also while the node runs.

    An instance that is sent again afterwards is answered again, under new UIDs.
    """
    from lungscope.serving.pacs.maintenance import drop as drop_from

    selection = _selection(keys, state, reason, target, older_than)
    if selection.is_everything:
        raise InvalidSetting("name what to drop: keys, --state, --reason, --target or --older-than")
    dropped = drop_from(spool, selection, dry_run=dry_run)
    names = ", ".join(key[:_SHOWN] for key in dropped[:20])
    more = f" and {len(dropped) - 20:,} more" if len(dropped) > 20 else ""
    said = "Would drop" if dry_run else "Dropped"
    Terminal().say(f"{said} {len(dropped):,}: {names}{more}" if dropped else f"{said} nothing.")


def _selection(
    keys: list[str] | None,
    states: list[str] | None,
    reason: str,
    target: str,
    older_than: str | None,
) -> "Selection":
    from lungscope.serving.pacs.queue_entry import State
    from lungscope.serving.pacs.selection import Selection, parse_age

    known: dict[str, State] = {name: name for name in get_args(State)}
    for name in states or []:
        if name not in known:
            raise InvalidSetting(f"--state {name}: give one of {', '.join(known)}")
    return Selection(
        keys=tuple(keys or ()),
        states=tuple(known[name] for name in states or []),
        reason=reason,
        target=target,
        age=parse_age(older_than) if older_than else 0.0,
    )


def _print_status(terminal: Terminal, found: "Status") -> None:
    from lungscope.serving.pacs.status import SHOWN

    counts = ", ".join(f"{count:,} {state}" for state, count in found.counts.items())
    terminal.say(counts + ("" if found.running else "; no node works on this spool"))
    for problem in found.problems:
        terminal.say(f"! {problem}")
    parts = Table("part", "last success", "state", box=None)
    for name, each in found.conditions.items():
        bad = each.error or ""
        parts.add_row(
            f"{name} ({words})" if (words := _details(each.details)) else name,
            _local_time(each.good) if each.good else "none yet",
            f"fails since {_local_time(each.bad)}: {bad}" if each.bad else "well",
        )
    if found.conditions:
        terminal.say(parts)
    if not found.unfinished:
        return
    table = Table("instance", "state", "received", "attempts", "next", "reason", box=None)
    for row in found.unfinished[:SHOWN]:
        table.add_row(
            row.entry.key[:_SHOWN],
            row.entry.state,
            _local_time(row.entry.received),
            str(row.step.attempts),
            "never" if row.failed else _until(row.step.due),
            row.step.reason or "",
        )
    terminal.say(table)
    if (more := len(found.unfinished) - SHOWN) > 0:
        terminal.say(f"and {more:,} more; --json lists all.")


def _details(details: object) -> str:
    if not isinstance(details, dict):
        return ""
    known = {name: value for name, value in details.items() if value is not None}
    if (until := known.pop("certificate_expires", None)) is not None:
        known["certificate until"] = _local_time(until)[:10]
    return ", ".join(
        f"{name.replace('_', ' ')} {' and '.join(value) if isinstance(value, list) else value}"
        for name, value in known.items()
    )


def _local_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S%z")


def _until(due: float) -> str:
    left = due - time.time()
    return f"in {left:.0f} s" if left > 0 else "now"
