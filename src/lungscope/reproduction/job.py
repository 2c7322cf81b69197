"""One training of a reproduction: what is to be in its folder, and what is there."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lungscope.data.split import Split
from lungscope.errors import LungscopeError
from lungscope.inference.description import Description
from lungscope.models.checkpoint import WEIGHTS
from lungscope.reproduction.plan import Part, Plan
from lungscope.training.execution import Precision
from lungscope.training.history import Epoch, read_history
from lungscope.training.recipe import Recipe
from lungscope.training.run import FACTS, RECIPE, SPLIT, Run


@dataclass(frozen=True, eq=False)
class Job:
    """A training and the evaluation after it.

    Attributes:
        part: which of its model's trainings it is.
        recipe: how it is trained.
        split: on what it is trained and tested.
        folder: of the run.
        precision: of its arithmetic.
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
    def run(self) -> Run | None:
        """The run, if there is an undamaged one of this recipe on this split."""
        begun = (self.folder / RECIPE).is_file()
        there = begun and self.damage() is None and self.difference() is None
        return Run(self.folder) if there else None

    @property
    def trained(self) -> bool:
        """Whether the run is trained to its end."""
        run = self.run
        return run is not None and bool(run.facts.get("finished"))

    @property
    def history(self) -> tuple[Epoch, ...]:
        """The epochs that were trained so far."""
        run = self.run
        return () if run is None or not run.history.is_file() else read_history(run.history)

    def damage(self) -> str | None:
        """What is lost or can't be read of the run in the job's folder, in one line.

        Returns:
            None where nothing is, or there is no run.
        """
        try:
            _refuse_damaged(Run(self.folder))
        except LungscopeError as error:
            return f"{error}; train this run anew with --force"
        return None

    def difference(self) -> str | None:
        """What is in the way in the job's folder: e.g. "epochs 3 there, 100 here".

        Returns:
            None where the folder holds this job's run, or nothing yet.

        Raises:
            LungscopeError: what is there can't be read.
        """
        if not (self.folder / RECIPE).is_file():
            free = not self.folder.exists() or not any(self.folder.iterdir())
            return None if free else "it is no run of lungscope"
        run = Run(self.folder)
        there, here = run.recipe.to_json(), self.recipe.to_json()
        for name, value in here.items():
            if there[name] != value:
                return f"{name} {there[name]} there, {value} here"
        if run.split.fingerprint != self.split.fingerprint:
            return "it was trained on another split"
        precision = run.facts.get("precision", self.precision)  # older runs do not tell
        if precision != self.precision:
            return f"precision {precision} there, {self.precision} here"
        return None


def plan_jobs(plan: Plan, splits: Sequence[Split], folder: Path) -> dict[str, tuple[Job, ...]]:
    """The jobs of each model, in the plan's order.

    Args:
        plan: of the reproduction.
        splits: one, or one a fold.
        folder: of the reproduction; runs lie in FOLDER/MODEL/PART.
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


def refuse_others(jobs: Sequence[Job]) -> None:
    """Refuses runs of another recipe or split, before anything is trained.

    A damaged run is let pass: it costs its own row, not the others'.

    Raises:
        LungscopeError: there is one; the message says what differs.
    """
    for job in jobs:
        difference = job.difference() if job.damage() is None else None
        if difference is not None:
            raise LungscopeError(
                f"{job.folder}: holds something else ({difference}); give another folder, or train "
                "that run anew with --force"
            )


def _refuse_damaged(run: Run) -> None:
    if not (run.folder / RECIPE).is_file():
        if (run.folder / SPLIT).is_file() and (run.folder / FACTS).is_file():
            raise LungscopeError(f"{run.folder / RECIPE}: is lost")
        return  # no run
    _, split, finished = run.recipe, run.split, run.facts.get("finished")
    if finished or run.history.is_file():
        read_history(run.history)
    if not finished:
        return
    lost = [file for file in ("model.json", WEIGHTS) if not (run.checkpoint / file).is_file()]
    if lost:
        raise LungscopeError(f"{run.checkpoint}: {lost[0]} is lost, though the run is finished")
    if Description.load(run.checkpoint / "model.json").data_fingerprint != split.fingerprint:
        raise LungscopeError(f"{run.checkpoint}: is of another split")
