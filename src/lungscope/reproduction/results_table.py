"""Reads what is done so far from the runs, and writes it as tables and figures."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lungscope.audit.baselines import Baseline
from lungscope.data.split import Split
from lungscope.errors import LungscopeError
from lungscope.models import Shape, get_architecture
from lungscope.models.cost import Cost, compute_cost
from lungscope.reproduction.figures import draw_all_models, draw_curves, list_figures
from lungscope.reproduction.job import Job
from lungscope.reproduction.plan import Plan
from lungscope.reproduction.reproduction import Reproduction
from lungscope.reproduction.row import Problem, ResultRow, make_row
from lungscope.reproduction.runner import TrainedPart, read_trained
from lungscope.reproduction.tables import write_tables


class ResultsTable:
    """The table of a reproduction, updated after each model.

    Attributes:
        costs: parameters and work of each model.
    """

    def __init__(
        self,
        plan: Plan,
        splits: Sequence[Split],
        jobs: Mapping[str, Sequence[Job]],
        folder: Path,
        shortcuts: Sequence[Baseline] = (),
        data: str = "DATA",
    ) -> None:
        self._plan = plan
        self._splits = tuple(splits)
        self._jobs = jobs
        self._folder = folder
        self._shortcuts = tuple(shortcuts)
        self._data = data
        self._trained: dict[str, tuple[TrainedPart, ...]] = {}
        self._rows: dict[str, ResultRow] = {}
        shape = Shape(len(splits[0].classes), plan.recipe.se_reduction)
        self.costs: dict[str, Cost] = {
            model: compute_cost(get_architecture(model), shape, plan.recipe.size) for model in jobs
        }
        for model in jobs:
            self.update(model)

    def update(self, model: str, problem: Problem | None = None) -> ResultRow:
        """Reads a model's runs again, draws its learning curves and returns its new row.

        Args:
            model: name of the architecture.
            problem: what went wrong with one of its trainings.
        """
        jobs = self._jobs[model]
        trained: list[TrainedPart] = []
        for job in jobs:
            found = _read(job)
            if isinstance(found, TrainedPart):
                trained.append(found)
            problem = problem or (found if isinstance(found, Problem) else None)
        epochs = {job.part.name: len(job.history) for job in jobs}
        self._trained[model] = tuple(trained)
        self._rows[model] = make_row(
            self._plan, model, self.costs[model], trained, epochs, self._without_folder(problem)
        )
        draw_curves(self._folder, self._plan, model, trained)
        return self._rows[model]

    def write(self) -> Reproduction:
        """Writes the tables and Figure 9 of what is done.

        Raises:
            LungscopeError: the folder can't be written to.
        """
        draw_all_models(self._folder, self._plan, self._trained)
        reproduction = Reproduction(
            self._plan,
            self._splits,
            tuple(self._rows.values()),
            list_figures(self._plan, self._trained),
            self._shortcuts,
            self._data,
        )
        write_tables(reproduction, self._folder)
        return reproduction

    def _without_folder(self, problem: Problem | None) -> Problem | None:
        """Makes paths in a message relative, so that results do not depend on the folder."""
        if problem is None:
            return None
        return replace(problem, reason=problem.reason.replace(f"{self._folder}{os.sep}", ""))


def _read(job: Job) -> TrainedPart | Problem | None:
    try:
        return read_trained(job)
    except LungscopeError as error:  # a damaged run fails its own row, not the others
        return Problem("failed", str(error))
