"""One training of a reproduction: what is to be in its folder, and what is there."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lungscope.data.split import Split
from lungscope.errors import LungscopeError
from lungscope.reproduction.plan import Part, Plan
from lungscope.training.history import Epoch, read_history
from lungscope.training.recipe import Recipe
from lungscope.training.run import RECIPE, Run


@dataclass(frozen=True, eq=False)
class Job:
    """A training and the evaluation after it.

    Attributes:
        part: which of its model's trainings it is.
        recipe: how it is trained.
        split: on what it is trained and tested.
        folder: of the run.
    """

    part: Part
    recipe: Recipe
    split: Split
    folder: Path

    @property
    def model(self) -> str:
        """Name of the architecture."""
        return self.recipe.model

    @property
    def run(self) -> Run | None:
        """The run, if there is one of this recipe on this split."""
        begun = (self.folder / RECIPE).is_file()
        return Run(self.folder) if begun and self.difference() is None else None

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
        return None


def jobs(plan: Plan, splits: Sequence[Split], folder: Path) -> dict[str, tuple[Job, ...]]:
    """The jobs of each model, in the plan's order.

    Args:
        plan: of the reproduction.
        splits: one, or one a fold.
        folder: of the reproduction; runs lie in FOLDER/MODEL/PART.
    """
    return {
        model: tuple(
            Job(part, plan.recipe_of(model, part), splits[part.split], folder / model / part.name)
            for part in plan.parts
        )
        for model in plan.models
    }


def refuse_others(jobs: Sequence[Job]) -> None:
    """Refuses runs of another recipe or split, before anything is trained.

    Raises:
        LungscopeError: there is one; the message says what differs.
    """
    for job in jobs:
        difference = job.difference()
        if difference is not None:
            raise LungscopeError(
                f"{job.folder}: holds something else ({difference}); give another folder, or train "
                "that run anew with --force"
            )
