"""What lungscope refuses, so that a program can tell the kinds apart.

    LungscopeError              every refusal: catch this one to catch them all
    ├── NotFound                a file, folder or run that does not exist
    ├── AlreadyExists           a result that is already there and would be replaced
    ├── InvalidSetting          an option, recipe field or value that is unknown, out of range or
    │                           contradictory
    ├── InvalidData             a data set, table or result file that cannot be used as it is
    │   └── DataLeak            an image or a group that is in two subsets of a split, or that a
    │                           model to be evaluated, or its teacher, has seen
    ├── UnreadableImage         a file that is not a radiograph that can be read
    │   └── UnwantedImage       an image that only the acceptance policy refuses
    ├── Inaccessible            a file or address that cannot be read or written
    ├── InUse                   a folder that another process is working in
    ├── WorkerKilled            a process of ours that the system ended
    ├── WeightsUnavailable      initial weights that are neither cached nor downloadable
    └── ModelDamaged            a checkpoint or exported model that is incomplete or altered

The message of each is one line that says what is wrong and what to do. What to do may have other
words on the command line than in Python; then it is a code, `LungscopeError.remedy`. The command
line prints the message in its own words and exits with status 2.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

UnwantedCode = Literal[
    "modality", "body-part", "view-position", "patient-orientation", "presentation-intent"
]
"""What about a DICOM image is not accepted."""


Remedy = Literal[
    "force",
    "force-or-elsewhere",
    "overwrite",
    "overwrite-file",
    "retrain",
    "resume",
    "continue-or-replace",
    "train",
    "evaluate",
    "evaluate-again",
    "audit-again",
    "reproduce-again",
    "split",
    "skip-unreadable",
    "map",
    "data",
    "export",
    "export-run",
    "explain-run",
    "archive",
    "leave-out-overlap",
    "name-folder",
]
"""What to do about an error, where Python and the command line have different words for it."""

IN_PYTHON: Mapping[Remedy, str] = {
    "force": "replace it with force=True",
    "force-or-elsewhere": "replace it with force=True, or give another folder",
    "overwrite": "remove it, or give another folder",
    "overwrite-file": "replace it with overwrite=True",
    "retrain": "train it again with train(..., force=True)",
    "resume": "continue it with Run.resume()",
    "continue-or-replace": "continue it with Run.resume(), replace it with force=True, or give "
    "another folder",
    "train": "lungscope.train makes one",
    "evaluate": "evaluate it first, with Run.evaluate()",
    "evaluate-again": "write it again with Run.evaluate(force=True)",
    "audit-again": "write it again with Run.audit(force=True)",
    "reproduce-again": "write it again with force=True",
    "split": "make a new one with lungscope.split",
    "skip-unreadable": "repair or remove them, or skip them with skip_unreadable=True",
    "map": 'mapping={"LABEL": "CLASS", "OTHER": None} does',
    "data": "give the folder that they are in now as data",
    "export": "export its run with Run.export(), or load it with Checkpoint.load",
    "export-run": "export it with Run.export(), and give the exported folder",
    "explain-run": "predict with the run's checkpoint, which has one",
    "archive": "download this address in a browser and unpack the file with unpack_record",
    "leave-out-overlap": "leave them out with leave_out_overlap=True",
    "name-folder": "give a folder for the results",
}
"""The words of each remedy in Python."""


LONGEST = 1000
"""Most characters of an error's line."""


class LungscopeError(Exception):
    """An error of what was given: the message says what is wrong and what to do.

    Args:
        message: what is wrong, and what to do unless `remedy` says it; one line.
        remedy: what to do, as a code.

    Attributes:
        remedy: what to do, where Python and the command line have different words for it.

    Examples:
        >>> print(AlreadyExists("runs/lung: holds an audit", remedy="force"))
        runs/lung: holds an audit; replace it with force=True
    """

    def __init__(self, *message: object, remedy: Remedy | None = None) -> None:
        super().__init__(*message)
        self.remedy = remedy

    def describe(self, words: Mapping[Remedy, str] = IN_PYTHON) -> str:
        """Returns the message with its remedy in some words, Python's by default.

        It is a line of at most `LONGEST` characters, whatever a file that it quotes holds: what
        does not print is shown as an escape, and the middle of a longer one is left out.
        """
        message = self._problem if self.remedy is None else f"{self._problem}; {words[self.remedy]}"
        return _as_line(message)

    def __str__(self) -> str:
        return self.describe()

    @property
    def _problem(self) -> str:
        return super().__str__()


def _as_line(message: str) -> str:
    if not message.isprintable():
        message = "".join(
            each if each.isprintable() else each.encode("unicode_escape").decode()
            for each in message[:LONGEST] + message[LONGEST:][-LONGEST:]
        )
    if len(message) <= LONGEST:
        return message
    end = LONGEST // 3  # what to do comes last
    return f"{message[: LONGEST - end - 5]} ... {message[-end:]}"


class NotFound(LungscopeError):
    """A file, folder or run that does not exist."""


class AlreadyExists(LungscopeError):
    """A result that is already there and would be replaced."""


class InvalidSetting(LungscopeError):
    """An option, recipe field or other value that is unknown, out of range or contradictory."""


class InvalidData(LungscopeError):
    """A data set, table or result file that cannot be used as it is."""


class DataLeak(InvalidData):
    """An image or a group (patient) in two subsets of a split, or known to the model evaluated."""


class UnreadableImage(LungscopeError):
    """A file that is not a radiograph that lungscope can read.

    Attributes:
        path: the file, or the name that its bytes came with.
        reason: what is wrong and what to do, one line, without the path.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)  # both, so that it survives the way back from a worker
        self.path = path
        self.reason = _as_line(reason)

    @property
    def _problem(self) -> str:
        return f"{self.path}: {self.reason}"


class UnwantedImage(UnreadableImage):
    """An image that only the policy refuses: with `accept=ANYTHING`, or another, it may be read.

    Attributes:
        code: what about it is not accepted.
    """

    def __init__(self, path: Path, reason: str, code: UnwantedCode) -> None:
        super().__init__(path, reason)
        self.args = (path, reason, code)  # see above
        self.code = code


class Inaccessible(LungscopeError):
    """A file or address that cannot be read or written: no permission, a full disk, no network."""


class InUse(LungscopeError):
    """A folder that another process is working in; try again when it is done."""


class WorkerKilled(LungscopeError):
    """A process of ours that the system ended, most likely for want of memory."""


class WeightsUnavailable(LungscopeError):
    """Initial weights that are neither in a cache nor downloadable here."""


class ModelDamaged(LungscopeError):
    """A checkpoint or exported model whose files are missing, damaged, altered or do not fit."""
