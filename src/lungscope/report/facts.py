"""Everything that is known about a run, gathered from the files in its folder."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from lungscope.audit.finding import RESULT
from lungscope.data.split import Split
from lungscope.errors import LungscopeError
from lungscope.evaluation.run_evaluation import FIGURES, METRICS
from lungscope.models import Architecture, Shape, architecture
from lungscope.models.cost import Cost, cost
from lungscope.models.description import Description
from lungscope.report.audited import Audit, read_audit
from lungscope.report.composition import Composition
from lungscope.report.measured import Measured, read_measured
from lungscope.report.words import file_name
from lungscope.training.history import Epoch, best_epoch, read_history
from lungscope.training.recipe import Recipe
from lungscope.training.run import Run

EVALUATION = "evaluation"
AUDIT = "audit"

_PICTURES = {
    ".": ("learning-curves",),
    EVALUATION: ("samples", "confusion-matrix", "roc", "reliability", "coverage"),
    AUDIT: ("accuracies", "sources", "mistakes", "robustness", "strengths"),
}


@dataclass(frozen=True, eq=False)
class RunFacts:
    """What a run's artefacts say.

    Attributes:
        name: of the run's folder.
        data: name of the data's folder; where it lies is nobody's business.
        recipe: how it was trained.
        split: on what.
        composition: of the split.
        description: of the trained model.
        architecture: of the model.
        cost: of the network.
        history: its epochs.
        versions: of Python and the libraries that trained it.
        measured: what it is worth; None if it was not evaluated.
        audit: what that is made of; None if it was not audited.
        pictures: those that are there, by the names of their files without suffix.
    """

    name: str
    data: str
    recipe: Recipe
    split: Split
    composition: Composition
    description: Description
    architecture: Architecture
    cost: Cost
    history: tuple[Epoch, ...]
    versions: Mapping[str, str]
    measured: Measured | None
    audit: Audit | None
    pictures: Mapping[str, Path]

    @property
    def model_hash(self) -> str:
        """The first eight hexadecimal digits of the weights' SHA-256."""
        return self.description.weights_sha256[:8]

    @property
    def best(self) -> Epoch:
        """The epoch that was kept."""
        return best_epoch(self.history)

    @property
    def seconds(self) -> float:
        """Wall time of all epochs."""
        return sum(epoch.seconds for epoch in self.history)

    @property
    def weights(self) -> str:
        """Where training started from: "imagenet", "none", or a file's name."""
        return file_name(self.recipe.weights)

    def command(self, verb: str) -> str:
        """A command on this run as one types it beside the run's folder."""
        return f"lungscope {verb} {shlex.quote(self.name)}"


def read_facts(run: Run) -> RunFacts:
    """Reads a run's artefacts.

    Args:
        run: a run with a checkpoint; evaluation and audit may be missing.

    Raises:
        LungscopeError: it is not trained to the end, or a file is missing, damaged, or belongs to
            another training.
    """
    if not run.checkpoint.is_dir():
        raise LungscopeError(
            f"{run.folder}: is not trained to the end; lungscope train --resume {run.folder}"
        )
    recipe, split = run.recipe, run.split
    description = Description.load(run.checkpoint / "model.json")
    _refuse_strangers(run, split, description)
    shape = Shape(len(description.classes), description.se_reduction)
    built = architecture(description.architecture)
    metrics, findings = run.folder / EVALUATION / METRICS, run.folder / AUDIT / RESULT
    return RunFacts(
        name=run.folder.resolve().name or "RUN",
        data=file_name(run.facts["data"]) or "DATA",
        recipe=recipe,
        split=split,
        composition=Composition.of(split),
        description=description,
        architecture=built,
        cost=cost(built, shape, description.preprocessing.size),
        history=read_history(run.history),
        versions=_versions(run),
        measured=read_measured(metrics, split) if metrics.is_file() else None,
        audit=read_audit(findings, split) if findings.is_file() else None,
        pictures=MappingProxyType(_pictures(run.folder)),
    )


def _refuse_strangers(run: Run, split: Split, description: Description) -> None:
    if not re.fullmatch(r"[0-9a-f]{64}", description.weights_sha256):
        raise LungscopeError(f"{run.checkpoint / 'model.json'}: weights_sha256 is no SHA-256")
    if description.data_fingerprint != split.fingerprint or description.classes != split.classes:
        raise LungscopeError(
            f"{run.folder}: the checkpoint was trained on another split than split.json; put back "
            "the split that it was made with"
        )


def _versions(run: Run) -> dict[str, str]:
    versions = run.facts.get("versions", {})
    if not isinstance(versions, dict) or not all(isinstance(v, str) for v in versions.values()):
        raise LungscopeError(f"{run.folder / 'run.json'}: versions is no table of names and texts")
    return versions


def _pictures(folder: Path) -> dict[str, Path]:
    places = {
        name: folder / part / FIGURES / f"{name}.png"
        for part, names in _PICTURES.items()
        for name in names
    }
    return {name: place for name, place in places.items() if place.is_file()}
