"""One training of a reproduction: what its folder should hold, and what it holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lungscope.data.split import Split
from lungscope.errors import AlreadyExists, InvalidData, LungscopeError, ModelDamaged
from lungscope.inference.description import Description
from lungscope.models.weights import WEIGHTS
from lungscope.reproduction.plan import Part, Plan
from lungscope.training.execution import Precision
from lungscope.training.history import Epoch, read_history
from lungscope.training.recipe import Recipe
from lungscope.training.run import FACTS, RECIPE, SPLIT, RunFolder


@dataclass(frozen=True, eq=False)
class Job:
    """A training and the evaluation after it.

    Attributes:
        part: which of its model's trainings it is.
        recipe: the recipe to train by.
        split: the split to train and test on.
        folder: the run folder.
        precision: arithmetic precision of training.
    """

    part: Part
    recipe: Recipe
    split: Split
    folder: Path
    precision: Precision = "32"

    @property
    def model(self) -> str:
        """Name of the architecture."""
        return self.recipe.model

    @property
    def run(self) -> RunFolder | None:
        """The run, if the folder holds an undamaged one of this recipe and split."""
        begun = (self.folder / RECIPE).is_file()
        usable = begun and self.find_damage() is None and self.find_difference() is None
        return RunFolder(self.folder) if usable else None

    @property
    def trained(self) -> bool:
        """Whether training is finished."""
        run = self.run
        return run is not None and bool(run.facts.get("finished"))

    @property
    def history(self) -> tuple[Epoch, ...]:
        """The epochs trained so far."""
        run = self.run
        return () if run is None or not run.history.is_file() else read_history(run.history)

    def find_damage(self) -> str | None:
        """Checks whether every file of the run is there and can be read.

        Returns:
            What is missing or damaged and what to do, one line; None if nothing is, or if the
            folder holds no run.
        """
        try:
            _refuse_damaged(RunFolder(self.folder))
        except LungscopeError as error:
            return f"{error}; retrain this run with --force"
        return None

    def find_difference(self) -> str | None:
        """Compares what the folder holds with this job, e.g. "epochs 3 there, 100 here".

        Returns:
            The first difference; None if the folder holds this job's run, or nothing yet.

        Raises:
            Inaccessible: a file cannot be read.
        """
        if not (self.folder / RECIPE).is_file():
            free = not self.folder.exists() or not any(self.folder.iterdir())
            return None if free else "it is not a run of lungscope"
        run = RunFolder(self.folder)
        there, here = run.recipe.to_json(), self.recipe.to_json()
        for name, value in here.items():
            if there[name] != value:
                return f"{name} {there[name]} there, {value} here"
        if run.split.fingerprint != self.split.fingerprint:
            return "it was trained on another split"
        precision = run.facts.get("precision", self.precision)  # not every run records it
        if precision != self.precision:
            return f"precision {precision} there, {self.precision} here"
        return None


def plan_jobs(plan: Plan, splits: Sequence[Split], folder: Path) -> dict[str, tuple[Job, ...]]:
    """Lists the jobs of each model, in the plan's order.

    Args:
        plan: the plan of the reproduction.
        splits: one split, or one per fold.
        folder: folder of the reproduction; the runs are in FOLDER/MODEL/PART.
    """
    return {
        model: tuple(
            Job(
                part,
                plan.recipe_of(model, part),
                splits[part.split],
                folder / model / part.name,
                plan.precision,
            )
            for part in plan.parts
        )
        for model in plan.models
    }


def refuse_other_runs(jobs: Sequence[Job]) -> None:
    """Refuses folders with runs of another recipe or split, before anything is trained.

    Damaged runs pass: each fails its own row of the table, not the whole reproduction.

    Raises:
        AlreadyExists: a folder holds something else; the message names the difference.
    """
    for job in jobs:
        difference = job.find_difference() if job.find_damage() is None else None
        if difference is not None:
            raise AlreadyExists(
                f"{job.folder}: holds something else ({difference})", remedy="force-or-elsewhere"
            )


def _refuse_damaged(run: RunFolder) -> None:
    if not (run.folder / RECIPE).is_file():
        if (run.folder / SPLIT).is_file() and (run.folder / FACTS).is_file():
            raise InvalidData(f"{run.folder / RECIPE}: is missing")
        return  # not a run
    _, split, finished = run.recipe, run.split, run.facts.get("finished")
    if finished or run.history.is_file():
        read_history(run.history)
    if not finished:
        return
    missing = [file for file in ("model.json", WEIGHTS) if not (run.checkpoint / file).is_file()]
    if missing:
        raise ModelDamaged(f"{run.checkpoint}: {missing[0]} is missing, but the run is finished")
    if Description.load(run.checkpoint / "model.json").data_fingerprint != split.fingerprint:
        raise InvalidData(f"{run.checkpoint}: was trained on another split")
