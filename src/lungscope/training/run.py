"""The run folder: what a training reads, and everything that it leaves."""

import json
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lungscope.atomic import atomic_folder, write_json
from lungscope.data.split import Split
from lungscope.errors import (
    AlreadyExists,
    InUse,
    InvalidData,
    InvalidSetting,
    NotFound,
)
from lungscope.inference.description import Description
from lungscope.inference.exported import DESCRIPTION
from lungscope.models import get_architecture
from lungscope.models.weights import WEIGHTS, check_weights, is_published
from lungscope.text import describe_fault
from lungscope.training.recipe import Recipe

RECIPE = "recipe.json"
SPLIT = "split.json"
FACTS = "run.json"
LOCK = ".lock"
VERSION = 2
"""Version of the run folder; version 1, of lungscope 0.1, did not state it."""
EVALUATION = "evaluation"
AUDIT = "audit"
TEACHERS = "teachers"
LIBRARIES = ("lungscope", "torch", "torchvision", "lightning", "numpy", "pillow")


@dataclass(frozen=True)
class RunFolder:
    """A folder with one training in it.

    `recipe.json split.json run.json history.csv figures/ checkpoint/ last.ckpt`, and `best.ckpt`
    and `teachers/`, if it has any, while the training is unfinished.

    Examples:
        >>> run = RunFolder.open("runs/lung")
        >>> run.recipe.model, len(run.split.entries)
        ('mobilenet-lung', 60)
    """

    folder: Path

    @property
    def checkpoint(self) -> Path:
        """The best epoch's model."""
        return self.folder / "checkpoint"

    @property
    def history(self) -> Path:
        """The table of epochs."""
        return self.folder / "history.csv"

    @property
    def figures(self) -> Path:
        """The folder of figures."""
        return self.folder / "figures"

    @property
    def evaluation(self) -> Path:
        """The folder of its evaluation on test images."""
        return self.folder / EVALUATION

    @property
    def audit(self) -> Path:
        """The folder of its audit."""
        return self.folder / AUDIT

    @property
    def last(self) -> Path:
        """Where training stands: Lightning's checkpoint of the last epoch."""
        return self.folder / "last.ckpt"

    @property
    def best(self) -> Path:
        """Lightning's checkpoint of the best epoch, while the training is unfinished."""
        return self.folder / "best.ckpt"

    @property
    def teachers(self) -> Path:
        """The folder of its teachers' checkpoints, while the training is unfinished."""
        return self.folder / TEACHERS

    def teacher(self, number: int) -> Path:
        """The checkpoint folder of one of its teachers, counted from 0."""
        return self.teachers / str(number)

    @property
    def replaced(self) -> Path:
        """Where the run that this one replaces is kept until this one has trained an epoch."""
        folder = self.folder.resolve()
        return folder.with_name(f".{folder.name}-replaced")

    @property
    def has_trained(self) -> bool:
        """Whether an epoch of it is done."""
        return self.last.is_file() or self.checkpoint.is_dir()

    @property
    def recipe(self) -> Recipe:
        """Its recipe."""
        return Recipe.load(self.folder / RECIPE)

    @property
    def split(self) -> Split:
        """The split that it is trained and tested on."""
        return Split.load(self.folder / SPLIT)

    @property
    def facts(self) -> Mapping[str, Any]:
        """What `run.json` holds: `data` (the folder), `finished`, `versions` and the like."""
        path = self.folder / FACTS
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise NotFound(f"{path}: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise InvalidData(f"{path}: not JSON ({describe_fault(error)})") from error
        if not isinstance(facts, dict) or not isinstance(facts.get("data"), str):
            raise InvalidData(f"{path}: does not name the data of a run; it was not made by train")
        return facts

    @property
    def other_imagenet(self) -> str | None:
        """SHA-256 of the ImageNet weights it began with, if they are not torchvision's own file."""
        sha256 = self.facts.get("imagenet_sha256")
        published = sha256 is None or is_published(get_architecture(self.recipe.model), str(sha256))
        return None if published else str(sha256)

    @classmethod
    def open(cls, folder: str | Path) -> "RunFolder":
        """Opens an existing run.

        Raises:
            NotFound: the folder is not there or holds no run.
            InvalidData: lungscope 0.1 made it.
        """
        folder = Path(folder)
        if not (folder / RECIPE).is_file():
            raise NotFound(f"{folder}: not a run folder (no {RECIPE})", remedy="train")
        run = cls(folder)
        if (folder / FACTS).is_file() and run.facts.get("version") != VERSION:
            raise InvalidData(
                f"{folder}: not a run of this lungscope's format (version {VERSION}) but most "
                "likely of lungscope 0.1; train it again"
            )
        return run

    @classmethod
    def create(
        cls,
        folder: str | Path,
        recipe: Recipe,
        split: Split,
        data: Path,
        force: bool,
        teachers: Sequence[Path] = (),
    ) -> "RunFolder":
        """Makes a run folder.

        Args:
            folder: where.
            recipe: how to train.
            split: on what.
            data: the folder that the split's files are relative to.
            force: whether a run that is already there is replaced. It is kept beside the new one
                until that has trained an epoch; a run without an epoch is replaced in any case.
            teachers: folders of checkpoints that it learns from; they are copied, so that a run
                that was moved is resumed with the same.

        Raises:
            NotFound: the recipe's initial weights are a file that is not there.
            AlreadyExists: the folder is not empty, and `force` is off or it is not a run.
            InvalidSetting: the recipe's model is unknown, or the data is in the folder.
            InUse: the run is being trained.
        """
        folder = Path(folder)
        cls.check_free(folder, recipe, data, force=force)
        run = cls(folder)
        if _is_occupied(folder):
            keep = run.replaced if run.has_trained else None
            if keep is not None:
                run.remove_replaced()  # of a training that was killed: `run` is in its place now
            with (
                run.alone(),
                atomic_folder(folder.resolve(), keep) as new,
            ):  # a kill leaves the old run or the new one
                cls(new)._begin(recipe, split, data, teachers)
        else:
            run._begin(recipe, split, data, teachers)
        return run

    @staticmethod
    def check_free(folder: Path, recipe: Recipe, data: Path, *, force: bool) -> None:
        """Checks what `create` checks, without making or removing anything.

        Raises:
            NotFound, AlreadyExists, InvalidSetting: as `create`.
        """
        get_architecture(recipe.model)
        check_weights(recipe.weights)
        if _is_occupied(folder):
            _refuse_to_replace(folder, data, force=force)

    def _begin(self, recipe: Recipe, split: Split, data: Path, teachers: Sequence[Path]) -> None:
        split.save(self.folder / SPLIT)
        self.note(version=VERSION, data=str(data.resolve()), finished=False, versions=versions())
        recipe.save(self.folder / RECIPE)
        if teachers:
            self._keep(teachers)

    def _keep(self, teachers: Sequence[Path]) -> None:
        noted = []
        for number, teacher in enumerate(teachers):
            described = Description.load(teacher / DESCRIPTION)
            noted.append({"model": described.identity, "weights_sha256": described.weights_sha256})
            self.teacher(number).mkdir(parents=True)
            for name in (WEIGHTS, DESCRIPTION):
                shutil.copyfile(teacher / name, self.teacher(number) / name)
        self.note(teachers=noted)

    def __repr__(self) -> str:
        if not (self.folder / RECIPE).is_file():
            return f"RunFolder({str(self.folder)!r}: not a run)"
        trained = "trained" if self.checkpoint.is_dir() else "not trained"
        return f"RunFolder({str(self.folder)!r}: {self.recipe.model}, {trained})"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other processes from training this run; the lock ends with the process.

        Raises:
            InUse: another process is training it.
        """
        try:
            held = FileLock(self.folder / LOCK).acquire(blocking=False)
        except Timeout:
            raise InUse(f"{self.folder}: is being trained by another process") from None
        with held:
            yield

    @contextmanager
    def removed_if_nothing_trained(self) -> Iterator[None]:
        """Removes a run that was just created if its training fails before an epoch ends.

        The run that it replaced, if any, takes its place again. A folder that holds more than what
        `create` wrote is left as it is.
        """
        try:
            yield
        except InUse:
            raise
        except BaseException:  # Ctrl-C too
            created = {RECIPE, SPLIT, FACTS, LOCK, TEACHERS}
            if {path.name for path in self.folder.iterdir()} <= created:
                folder = self.folder.resolve()
                shutil.rmtree(folder)
                if self.replaced.is_dir():
                    self.replaced.rename(folder)
            raise

    def remove_replaced(self) -> None:
        """Removes the run that this one replaced, if there is one."""
        if self.replaced.is_dir():
            shutil.rmtree(self.replaced)

    def require_checkpoint(self) -> None:
        """Refuses a run that has no checkpoint yet.

        Raises:
            NotFound: it has none.
        """
        if not self.checkpoint.is_dir():
            state = "is not trained to the end" if self.has_trained else "has trained no epoch yet"
            raise NotFound(f"{self.folder}: {state}", remedy="resume")

    def refuse_finished(self) -> None:
        """Refuses to train a run that is finished.

        Raises:
            InvalidSetting: it is.
        """
        if self.facts.get("finished"):
            raise InvalidSetting(f"{self.folder}: is finished", remedy="retrain")

    def note(self, **facts: Any) -> None:
        """Adds facts to `run.json`."""
        known = dict(self.facts) if (self.folder / FACTS).is_file() else {}
        write_json(self.folder / FACTS, known | facts)


def _is_occupied(folder: Path) -> bool:
    return folder.is_file() or (folder.is_dir() and any(folder.iterdir()))


def _refuse_to_replace(folder: Path, data: Path, *, force: bool) -> None:
    run = RunFolder(folder)
    files = [folder / name for name in (RECIPE, SPLIT, FACTS)] + [run.history, run.last]
    if sum(file.is_file() for file in files) < 3:  # of a damaged run, some may be lost
        raise AlreadyExists(f"{folder}: not empty and not a run; give another folder")
    if not force and run.has_trained:
        raise AlreadyExists(f"{folder}: holds a run", remedy="continue-or-replace")
    if data.resolve().is_relative_to(folder.resolve()):
        raise InvalidSetting(
            f"{folder}: holds the data as well as a run, and to replace it would remove both; give "
            "another folder"
        )


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that decide a training's numbers."""
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}
