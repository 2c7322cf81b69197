"""Everything that is known about a run, gathered from the files in its folder."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from lungscope.audit.audit_report import RESULT, AuditReport
from lungscope.data.split import Split
from lungscope.errors import InvalidData
from lungscope.evaluation.assessment import Assessment
from lungscope.evaluation.run_evaluation import FIGURES, METRICS_FILE
from lungscope.inference.description import Description
from lungscope.models import Architecture, Shape, get_architecture
from lungscope.models.cost import Cost, compute_cost
from lungscope.report.composition import Composition
from lungscope.text import file_name, format_short
from lungscope.training.history import Epoch, best_epoch, read_history
from lungscope.training.recipe import Recipe
from lungscope.training.recipes import PAPER_RECIPE
from lungscope.training.run import EVALUATION, RunFolder
from lungscope.training.setting import list_settings

Verb = Literal["evaluate", "audit"]
"""The command that makes results which a report shows."""

_PICTURES = {
    ".": ("learning-curves",),
    EVALUATION: ("samples", "confusion-matrix", "roc", "reliability", "coverage"),
}


@dataclass(frozen=True, eq=False)
class RunFacts:
    """What a run's files say.

    Attributes:
        name: of the run's folder.
        data: name of the data's folder; its path is private and left out.
        recipe: how it was trained.
        split: on what.
        composition: of the split.
        description: of the trained model.
        architecture: of the model.
        cost: of the network.
        history: its epochs.
        finished: whether it is trained to the end.
        other_imagenet: SHA-256 of the ImageNet weights that it began with, where they are another
            file than torchvision's.
        versions: of Python and the libraries that trained it.
        measured: what it is worth on test images; None if it was not evaluated.
        audit: what its audit found; None if it was not audited.
        left_out: why results that are there count as none, by the command that makes them: they
            are of another model, or not of test images.
        figures: those that are there, by the names of their files without suffix.
        audit_figures: the folder of the audit's figures.
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
    finished: bool
    other_imagenet: str | None
    versions: Mapping[str, str]
    measured: Assessment | None
    audit: AuditReport | None
    left_out: Mapping[Verb, str]
    figures: Mapping[str, Path]
    audit_figures: Path

    @property
    def model_hash(self) -> str:
        """The first eight hexadecimal digits of the weights' SHA-256."""
        return self.description.weights_sha256[:8]

    @property
    def best(self) -> Epoch:
        """The epoch that was kept."""
        kept = self.description.metrics.get("epoch")  # the best, unless training went on since
        named = [epoch for epoch in self.history if epoch.epoch == kept]
        return named[0] if named else best_epoch(self.history)

    @property
    def seconds(self) -> float:
        """Wall time of all epochs."""
        return sum(epoch.seconds for epoch in self.history)

    @property
    def weights(self) -> str:
        """Where training started from: "imagenet", "none", or a file's name."""
        return file_name(self.recipe.weights)

    def command(self, verb: Verb) -> str:
        """Returns the command that produces results of this run, run from its parent folder."""
        replacing = " --force" if verb in self.left_out else ""
        return f"lungscope {verb} {shlex.quote(self.name)}{replacing}"

    @property
    def resuming(self) -> str:
        """The command that resumes training, likewise."""
        return f"lungscope train --resume {shlex.quote(self.name)}"


def read_facts(run: RunFolder) -> RunFacts:
    """Reads a run's artefacts.

    Args:
        run: a run with a checkpoint; evaluation and audit may be missing.

    Raises:
        NotFound: it has no checkpoint, or a file is missing.
        InvalidData: a file is damaged, or belongs to another training.
    """
    run.require_checkpoint()
    recipe, split = run.recipe, run.split
    description = Description.load(run.checkpoint / "model.json")
    _refuse_strangers(run, recipe, split, description)
    shape = Shape(len(description.classes), description.se_reduction)
    built = get_architecture(description.architecture)
    metrics = run.evaluation / METRICS_FILE
    measured = _read_evaluation(metrics, split) if metrics.is_file() else None
    audit = _read_audit(run.audit, split) if (run.audit / RESULT).is_file() else None
    left_out = _left_out(description, measured, audit)
    return RunFacts(
        name=run.folder.resolve().name or "RUN",
        data=file_name(run.facts["data"]) or "DATA",
        recipe=recipe,
        split=split,
        composition=Composition.of(split),
        description=description,
        architecture=built,
        cost=compute_cost(built, shape, description.preprocessing.size),
        history=read_history(run.history),
        finished=run.facts.get("finished") is True,
        other_imagenet=run.other_imagenet,
        versions=_versions(run),
        measured=None if "evaluate" in left_out else measured,
        audit=None if "audit" in left_out else audit,
        left_out=MappingProxyType(left_out),
        figures=MappingProxyType(_figures(run.folder)),
        audit_figures=run.audit / FIGURES,
    )


def _read_evaluation(path: Path, split: Split) -> Assessment:
    found = Assessment.load(path)
    expected, classes = len(split.subset(found.subset)), found.confusion.classes
    if classes != split.classes or found.images != expected:
        raise InvalidData(
            f"{path}: is about {found.images} {found.subset} images of {len(classes)} classes, but "
            f"the run's split has {expected} of {len(split.classes)}",
            remedy="evaluate-again",
        )
    return found


def _read_audit(folder: Path, split: Split) -> AuditReport:
    audit = AuditReport.load(folder)
    expected = len(split.subset(audit.subset))
    if audit.images != expected:
        raise InvalidData(
            f"{folder / RESULT}: is about {audit.images} {audit.subset} images, but the run's "
            f"split has {expected}",
            remedy="audit-again",
        )
    return audit


def _left_out(
    description: Description, measured: Assessment | None, audit: AuditReport | None
) -> dict[Verb, str]:
    found: dict[Verb, Assessment | AuditReport | None] = {"evaluate": measured, "audit": audit}
    return {
        verb: reason
        for verb, results in found.items()
        if results is not None and (reason := _fault(description, results, verb))
    }


def _fault(description: Description, results: Assessment | AuditReport, verb: Verb) -> str:
    """Explains why results may not be shown; empty if they may."""
    what = {"evaluate": "The evaluation", "audit": "The audit"}[verb]
    if results.subset != "test":
        return f"{what} that is there is of {results.subset} images, not of held-out ones"
    if not results.weights_sha256:
        return f"{what} that is there does not say of which model it was made"
    if results.weights_sha256 != description.weights_sha256:
        return f"{what} that is there was made of another model"
    return ""


def _refuse_strangers(
    run: RunFolder, recipe: Recipe, split: Split, description: Description
) -> None:
    # its first digits name the model on the page and the card
    if not re.fullmatch(r"[0-9a-f]{64}", description.weights_sha256):
        raise InvalidData(f"{run.checkpoint / 'model.json'}: weights_sha256 is not a SHA-256")
    if description.data_fingerprint != split.fingerprint or description.classes != split.classes:
        raise InvalidData(
            f"{run.folder}: the checkpoint was trained on another split than split.json; put back "
            "the split that it was made with"
        )
    if description.architecture != recipe.model:
        raise InvalidData(
            f"{run.folder}: the checkpoint is of {description.architecture}, but recipe.json says "
            f"{recipe.model}; put back the recipe that it was made with"
        )


def _versions(run: RunFolder) -> dict[str, str]:
    versions = run.facts.get("versions", {})
    if not isinstance(versions, dict) or not all(isinstance(v, str) for v in versions.values()):
        raise InvalidData(f"{run.folder / 'run.json'}: versions is not a table of texts")
    return versions


def _figures(folder: Path) -> dict[str, Path]:
    places = {
        name: folder / part / FIGURES / f"{name}.png"
        for part, names in _PICTURES.items()
        for name in names
    }
    return {name: place for name, place in places.items() if place.is_file()}


@dataclass(frozen=True)
class RecipeField:
    """One field of a run's recipe beside the paper's.

    Attributes:
        name: in `recipe.json`.
        meaning: what it is, in words.
        value: the run's value.
        paper: the paper's value, or that it names none.
        departs: whether the run's value differs from the paper's.
    """

    name: str
    meaning: str
    value: str
    paper: str
    departs: bool


def compare_recipe(facts: RunFacts) -> tuple[RecipeField, ...]:
    """Compares every field of a run's recipe with the paper's, in the recipe's order."""
    own = facts.recipe.to_json() | {"weights": facts.weights}
    paper = PAPER_RECIPE.to_json()
    return tuple(
        RecipeField(
            name=name,
            meaning=each.meaning,
            value=_format_value(own[name]),
            paper=each.unnamed or _format_value(paper.get(name, each.default)),
            departs=each.unnamed is None and own[name] != paper.get(name, each.default),
        )
        for name, each in list_settings(facts.recipe).items()
    )


def _format_value(value: object) -> str:
    if value is None:
        return "none"
    return format_short(value) if isinstance(value, float) else str(value)
