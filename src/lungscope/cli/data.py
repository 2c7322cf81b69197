"""`lungscope data`: check, split, download and draw data sets."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from lungscope.cli.options import DataSets, Force, Json, Map, Quiet, Seed, Skip, Workers
from lungscope.cli.output import refuse_to_replace
from lungscope.cli.terminal import Terminal
from lungscope.cli.training import describe_split, open_data, warn_conflicts
from lungscope.errors import InvalidSetting
from lungscope.text import format_quantity

if TYPE_CHECKING:
    from lungscope.data.check import DataCheck

app = typer.Typer(
    help="Check, split, download and draw data sets.", no_args_is_help=True, add_completion=False
)


@app.command("check")
def check(
    data: DataSets,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", help="Write a contact sheet (PNG) here.")
    ] = None,
    mapping: Map = [],  # noqa: B006
    workers: Workers = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the contact sheet.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find unreadable files, duplicates, and properties that give the class away."""
    from lungscope.data.check import check_data
    from lungscope.data.contact_sheet import draw_contact_sheet
    from lungscope.data.survey import survey_images

    terminal = Terminal(quiet=quiet, json=json)
    index = open_data(data, mapping)
    if sheet is not None:
        if sheet.suffix.lower() != ".png":
            raise InvalidSetting(f"{sheet}: is written as a PNG; name it .png")
        refuse_to_replace(sheet, list(map(index.path, index.entries)), overwrite=overwrite)
    with terminal.progress("reading images") as on_progress:
        checked = check_data(index, survey_images(index, workers, on_progress))
    show_check(checked, terminal)
    if sheet is not None:
        draw_contact_sheet(index, sheet)
        terminal.say(escape(f"Wrote {sheet}"))
    terminal.answer(checked.to_json())
    if not checked.passed:
        raise typer.Exit(1)


def show_check(checked: "DataCheck", terminal: Terminal) -> None:
    """Prints what a check found."""
    table = Table("class", "images", "sources", "sizes", "stored as", box=None)
    for name, count in checked.images.items():
        sources = ", ".join(f"{s} {n}" for s, n in checked.sources.get(name, {}).items())
        table.add_row(
            escape(name),
            str(count),
            escape(sources) or "unknown",
            escape(_commonest(checked.sizes[name])),
            escape(_commonest(checked.formats[name])),
        )
    terminal.say(table)
    if checked.groups:
        terminal.say(format_quantity(checked.groups, "group"))
    for issue in checked.issues:
        colour = "red" if issue.level == "error" else "yellow"
        terminal.say(f"[{colour}]{issue.level}[/]: {escape(issue.text)}")
    errors = sum(issue.level == "error" for issue in checked.issues)
    terminal.say(
        f"{'Passed' if checked.passed else 'Failed'}: {format_quantity(errors, 'error')}, "
        f"{format_quantity(len(checked.issues) - errors, 'warning')}"
    )


@app.command("split")
def split(
    data: DataSets,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="split.json to write; with --folds, its folder.")
    ] = Path("split.json"),
    fractions: Annotated[
        tuple[float, float, float],
        typer.Option(help="Proportions of train, validation and test.", show_default="0.8 0.1 0.1"),
    ] = (0.8, 0.1, 0.1),
    folds: Annotated[
        int | None, typer.Option(min=3, help="Cross-validation: write a split for each fold.")
    ] = None,
    hold_out_source: Annotated[
        list[str],
        typer.Option(
            "--hold-out-source",
            metavar="SOURCE",
            help="Test on this source (hospital) alone, and on no other; may be repeated.",
        ),
    ] = [],  # noqa: B006  typer's way to say that there may be none
    mapping: Map = [],  # noqa: B006
    seed: Seed = 0,
    skip_unreadable: Skip = False,
    workers: Workers = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the split.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Split a data set by class, with whole groups (patients) in one subset."""
    from lungscope.cli.training import survey_data
    from lungscope.data import splitting
    from lungscope.data.checks.copies import label_conflicts
    from lungscope.data.duplicates import find_duplicates

    if folds is not None and hold_out_source:
        raise InvalidSetting("--folds and --hold-out-source: give one of them")
    terminal = Terminal(quiet=quiet, json=json)
    paths = [out] if folds is None else [out / f"fold-{k + 1}.json" for k in range(folds)]
    for path in paths:
        refuse_to_replace(path, [], overwrite=overwrite)
    opened = open_data(data, mapping)
    index, survey = survey_data(opened, terminal, skip_unreadable=skip_unreadable, workers=workers)
    pairs = find_duplicates(survey)
    conflicts = label_conflicts(survey, pairs)
    warn_conflicts(conflicts, terminal)
    if hold_out_source:
        held_out = splitting.hold_out_sources
        splits = [held_out(index, survey, hold_out_source, fractions, seed, pairs)]
    elif folds is None:
        splits = [splitting.make_split(index, survey, fractions, seed, pairs)]
    else:
        splits = list(splitting.make_folds(index, survey, folds, seed, pairs))
    for made, path in zip(splits, paths, strict=True):
        made.save(path, overwrite=overwrite)
        terminal.say(escape(f"{describe_split(made)}. Wrote {path}"))
    terminal.answer(
        [
            {
                "path": str(path),
                "description": made.description,
                "fingerprint": made.fingerprint,
                "label_conflicts": [[pair.first, pair.second] for pair in conflicts],
            }
            for made, path in zip(splits, paths, strict=True)
        ]
    )


@app.command("phantom")
def phantom(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to create.")] = Path("phantoms"),
    count: Annotated[int, typer.Option(min=3, help="Number of images, over three classes.")] = 600,
    size: Annotated[
        int, typer.Option(min=64, help="Width and height of the images in pixels.")
    ] = 256,
    seed: Seed = 0,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Draw synthetic chest radiographs in three classes, for demonstrations and tests only."""
    from lungscope.phantom import write_phantoms

    terminal = Terminal(quiet=quiet)
    with terminal.progress("drawing phantoms") as on_progress:
        write_phantoms(out, count, seed, size, on_progress, force=force)
    terminal.say(
        escape(f"Wrote {count} phantoms to {out}. They are drawings and support no medical claim.")
    )


@app.command("fetch")
def fetch(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to create.")] = Path(
        "data/lung-x-ray-image"
    ),
    archive: Annotated[
        Path | None, typer.Option(help="Unpack this file, which was downloaded by other means.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Download the archive from this address instead.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Download the paper's 3,475 X-rays from their public record (Mendeley Data 9d55cttn5h)."""
    from rich.progress import DownloadColumn

    from lungscope.data import fetch as fetching

    terminal = Terminal(quiet=quiet, json=json)
    if archive is not None:
        fetched = fetching.unpack_record(archive, out)
    else:
        with terminal.progress("downloading", DownloadColumn()) as on_progress:
            fetched = fetching.fetch_dataset(out, on_progress=on_progress, url=url)
    table = Table("class", "images", "in the record", box=None)
    for name in sorted({*fetched.counts, *fetched.expected}):
        table.add_row(
            escape(name), str(fetched.counts.get(name, 0)), str(fetched.expected.get(name, 0))
        )
    terminal.say(table)
    if not fetched.complete:
        terminal.say(
            "[yellow]warning[/]: the counts differ from the record; check the folder before use"
        )
    terminal.say(escape(f"Wrote {fetched.folder}. Next: lungscope data check {fetched.folder}"))
    terminal.answer(
        {
            "folder": str(fetched.folder),
            "counts": dict(fetched.counts),
            "expected": dict(fetched.expected),
            "skipped": fetched.skipped,
        }
    )


def _commonest(counts: dict[str, int]) -> str:
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    more = f", {len(ranked) - 2} more" if len(ranked) > 2 else ""
    return ", ".join(f"{value} ({count})" for value, count in ranked[:2]) + more
