"""Auditing a run: its best checkpoint taken apart, and what was found written beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungscope.atomic import atomic_folder, refuse_occupied, write_json
from lungscope.audit.audit import AUDITED, Measured, measure
from lungscope.audit.finding import RESULT, Finding
from lungscope.audit.findings import findings
from lungscope.audit.perturbations import PERTURBATIONS, examples
from lungscope.data.cache import Cache
from lungscope.data.index import Index
from lungscope.data.split import Split
from lungscope.data.survey import survey_images
from lungscope.evaluation.run_evaluation import open_evaluated
from lungscope.figures.accuracies import Row, draw_accuracies
from lungscope.figures.faithfulness import draw_faithfulness
from lungscope.figures.gallery import draw_gallery
from lungscope.figures.randomisation import draw_randomisation
from lungscope.figures.robustness import Panel, draw_robustness
from lungscope.figures.strengths import Series, draw_strengths
from lungscope.figures.subgroups import draw_subgroups
from lungscope.models import get_architecture
from lungscope.progress import OnProgress, ignore
from lungscope.training.run import Run

FIGURES = "figures"


@dataclass(frozen=True, eq=False)
class RunAudit:
    """What was found about a run.

    Attributes:
        weights_sha256: of the model.
        measured: the numbers.
        findings: what follows from them.
        folder: where everything was written.
    """

    weights_sha256: str
    measured: Measured
    findings: tuple[Finding, ...]
    folder: Path

    def to_json(self) -> dict[str, Any]:
        """The content of `audit.json`."""
        return {"weights_sha256": self.weights_sha256} | self.measured.to_json(self.findings)


def audit_run(
    run: Run,
    index: Index,
    folder: Path,
    *,
    device: str = "cpu",
    force: bool = False,
    workers: int | None = None,
    cache_folder: Path | None = None,
    progress: Callable[[str], OnProgress] = lambda _: ignore,
) -> RunAudit:
    """Audits the best checkpoint on the test subset and writes findings, measurements and figures.

    Args:
        run: a run with a checkpoint.
        index: the data that it was trained on, as it is now.
        folder: `audit.json figures/` go here, both or neither.
        device: "cpu" or "cuda".
        force: whether an audit that is already there is replaced.
        workers: processes that read files; one a processor by default.
        cache_folder: where decoded images are kept; the user's cache folder by default.
        progress: given the name of a step, who is told of it.

    Raises:
        LungscopeError: no checkpoint, data that is not the split's, or a folder that holds an
            audit (unless `force`) or anything else.
    """
    refuse_occupied(folder, {RESULT, FIGURES}, "an audit", force=force)
    checkpoint, split, cache = open_evaluated(run, index.root, cache_folder)
    surveyed = survey_images(index, workers, progress("reading images"))
    measured = measure(checkpoint, split, cache, index, surveyed, device, progress)
    found = findings(measured)
    title = get_architecture(checkpoint.description.architecture).title
    with atomic_folder(folder) as new:
        _draw(new / FIGURES, measured, cache, split, title)
        made = RunAudit(checkpoint.description.weights_sha256, measured, found, folder)
        write_json(new / RESULT, made.to_json())
    return made


def _draw(folder: Path, measured: Measured, cache: Cache, split: Split, model: str) -> None:
    images = f"{model}, {len(measured.predictions.files):,} test images"
    draw_accuracies(folder / "accuracies.png", _rows(measured, model), images)
    if measured.by_source is not None:
        draw_subgroups(folder / "sources.png", measured.by_source.sources, images)
    pixels = {
        entry.file: cache.pixels[row]
        for entry, row in zip(
            split.subset(AUDITED), cache.rows(split.subset(AUDITED)).tolist(), strict=True
        )
    }
    draw_gallery(
        folder / "mistakes.png",
        measured.mistakes,
        [pixels[mistake.file] for mistake in measured.mistakes],
        f"{images}: the worst mistakes",
    )
    majority = next(each for each in measured.baselines if each.name == "majority")
    draw_robustness(
        folder / "robustness.png",
        [
            Panel(
                response.title,
                response.quantity,
                [level.value for level in response.levels],
                [level.effect.accuracy for level in response.levels],
            )
            for response in measured.robustness.responses
        ],
        measured.robustness.unperturbed,
        majority.accuracy.value,
        images,
    )
    example = next(iter(pixels.values()))
    draw_strengths(
        folder / "strengths.png",
        example,
        [
            Series(each.title, each.quantity, each.values, examples(each, example))
            for each in PERTURBATIONS
        ],
        "What the strengths look like",
    )
    _draw_heatmaps(folder, measured, model)


def _draw_heatmaps(folder: Path, measured: Measured, model: str) -> None:
    if (faithful := measured.faithfulness) is not None:
        draw_faithfulness(
            folder / "faithfulness.png",
            faithful.shares,
            faithful.deletion,
            faithful.insertion,
            f"{model}, {faithful.images:,} test images",
        )
    if (random := measured.randomisation) is not None:
        draw_randomisation(
            folder / "randomisation.png",
            random.depths,
            random.chance,
            f"{model}, {random.images:,} test images",
        )


def _rows(measured: Measured, model: str) -> list[Row]:
    return [
        Row(model, measured.accuracy, "model"),
        *(Row(each.title, each.effect.accuracy, "masked") for each in measured.masks),
        *(Row(each.title, each.accuracy, "baseline") for each in measured.baselines),
    ]
