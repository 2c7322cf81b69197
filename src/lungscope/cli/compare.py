"""`lungscope compare`: whether trained models differ by more than chance."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from lungscope.about import DISCLAIMER
from lungscope.atomic import refuse_occupied
from lungscope.cli.options import Force, Json, Quiet
from lungscope.cli.terminal import Terminal

if TYPE_CHECKING:
    from lungscope.comparison.pair import ModelPair


def compare(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN RUN...", help="Evaluated run folders, 2 to 20.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for comparison.json and comparison.png."),
    ] = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare runs on the same test images: differences, intervals and tests of every pair."""
    from lungscope.comparison.pair import describe_pair
    from lungscope.comparison.run_comparison import (
        FIGURE,
        RESULT,
        compare_runs,
        write_comparison,
    )

    terminal = Terminal(quiet=quiet, json=json)
    if out is not None:
        refuse_occupied(out, {RESULT, FIGURE}, "a comparison", force=force)
    compared = compare_runs(runs)
    for pair in compared.pairs:
        terminal.say(escape(describe_pair(pair)))
        terminal.say(_table(pair))
        terminal.say(_counts(pair))
    terminal.say(
        "Intervals and p-values of AUC take images to be independent: where images of a group are "
        "alike, the intervals are too narrow and the p-values too small."
    )
    if out is not None:
        write_comparison(compared, out)
        terminal.say(f"Wrote {escape(str(out))} (comparison.json, comparison.png).  {DISCLAIMER}")
    terminal.answer(compared.to_json())


def _table(pair: "ModelPair") -> Table:
    from lungscope.comparison.pair import format_p
    from lungscope.evaluation.metrics import METRICS

    columns = (pair.first, pair.second, "difference", "95 % interval", "p", "p (Holm)")
    table = Table("", *(escape(name) for name in columns), box=None)
    for name, found in pair.differences.items():
        first, second = (values[name] for values in pair.values)
        tested = name == "accuracy"
        table.add_row(
            escape(METRICS[name].label),
            f"{first:.4f}",
            f"{second:.4f}",
            f"{found.value:+.4f}",
            found.bounds("+.4f"),
            format_p(pair.mcnemar.p_groups) if tested else "",
            format_p(pair.p_groups) if tested else "",
        )
    for label, area in pair.areas.items():
        title = f"AUC, {escape(label)} against the rest"
        if area is None:
            table.add_row(title, "", "", "", "no test: too few images")
            continue
        table.add_row(
            title,
            f"{area.first:.4f}",
            f"{area.second:.4f}",
            f"{area.difference.value:+.4f}",
            area.difference.bounds("+.4f"),
            format_p(area.p),
            format_p(pair.p_areas[label]),
        )
    return table


def _counts(pair: "ModelPair") -> str:
    from lungscope.comparison.pair import format_p

    found = pair.mcnemar
    return escape(
        f"Correct by one model alone: {found.only_first} by {pair.first}, {found.only_second} by "
        f"{pair.second} (exact McNemar over images: p {format_p(found.p_images)}, Holm "
        f"{format_p(pair.p_images)})\n"
    )
