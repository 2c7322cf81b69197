"""Comparing runs: their predictions read, and what was found written as JSON and a figure."""

from collections.abc import Sequence
from pathlib import Path

from lungscope.atomic import write_json
from lungscope.comparison.comparison import Comparison, compare
from lungscope.errors import InvalidSetting, NotFound
from lungscope.estimate import Estimate
from lungscope.evaluation.metrics import METRICS, Metric
from lungscope.evaluation.predictions import Predictions
from lungscope.evaluation.run_evaluation import PREDICTIONS
from lungscope.figures.comparison import Panel, draw_comparison
from lungscope.models import get_architecture
from lungscope.text import format_quantity
from lungscope.training.run import RunFolder

RESULT = "comparison.json"
FIGURE = "comparison.png"
MOST = 20
"""Runs at once: 190 pairs, as many as a figure holds."""


def compare_runs(folders: Sequence[Path]) -> Comparison:
    """Compares the evaluations of runs, every run with every other.

    Models are named by their architecture; if two are of the same one, by their folders.

    Args:
        folders: run folders, 2 to 20, each with `evaluation/predictions.csv`.

    Raises:
        InvalidSetting: fewer or more runs, or one of them twice.
        NotFound: a folder is no run, or a run was not evaluated.
        InvalidData: the runs were not tested on the same images.

    Examples:
        >>> compare_runs([Path("runs/lung")])
        Traceback (most recent call last):
        ...
        lungscope.errors.InvalidSetting: 1 run given: compare 2 to 20 at once
    """
    if not 2 <= len(folders) <= MOST:
        raise InvalidSetting(
            f"{format_quantity(len(folders), 'run')} given: compare 2 to {MOST} at once"
        )
    places = [folder.resolve() for folder in folders]
    for number, place in enumerate(places):
        if place in places[:number]:
            raise InvalidSetting(f"{folders[number]}: given twice; name each run once")
    runs = [RunFolder.open(folder) for folder in folders]
    tables = [_evaluated(run) for run in runs]
    return compare(
        {name: Predictions.load(table) for name, table in zip(_names(runs), tables, strict=True)}
    )


def write_comparison(comparison: Comparison, folder: Path) -> None:
    """Writes `comparison.png` and `comparison.json` into a folder, each whole or not at all.

    Raises:
        Inaccessible: the folder can't be written to.
    """
    pairs = comparison.pairs
    images = format_quantity(comparison.images, "image")
    groups = format_quantity(comparison.groups, "group")
    draw_comparison(
        folder / FIGURE,
        [(pair.first, pair.second) for pair in pairs],
        [
            _panel(METRICS[name], [pair.differences[name] for pair in pairs])
            for name in pairs[0].differences
        ],
        f"Differences on {images} in {groups}",
    )
    write_json(folder / RESULT, comparison.to_json())


def _panel(metric: Metric, differences: Sequence[Estimate]) -> Panel:
    if metric.unit == "proportion":
        return Panel(f"{metric.title} (points)", metric.better, differences, scale=100)
    return Panel(metric.label, metric.better, differences)


def _evaluated(run: RunFolder) -> Path:
    table = run.evaluation / PREDICTIONS
    if not table.is_file():
        raise NotFound(
            f"{run.folder}: was not evaluated (no evaluation/{PREDICTIONS})", remedy="evaluate"
        )
    return table


def _names(runs: Sequence[RunFolder]) -> list[str]:
    titles = [get_architecture(run.recipe.model).title for run in runs]
    folders = [run.folder.resolve() for run in runs]
    for names in (titles, [folder.name for folder in folders]):
        if len(set(names)) == len(runs):
            return names
    return [str(folder) for folder in folders]
