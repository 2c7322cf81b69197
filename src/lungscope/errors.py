"""What lungscope refuses, so that a program can tell the kinds apart.

    LungscopeError              every refusal: catch this one to catch them all
    ├── NotFound                a file, folder, run or name that does not exist
    ├── AlreadyExists           a result that would be replaced without --overwrite or --force
    ├── InvalidSetting          an option, recipe field or value out of range or contradictory
    ├── InvalidData             a data set, table or result file that cannot be used as it is
    │   └── DataLeak            an image, near-duplicate or group in two subsets of a split
    ├── UnreadableImage         a file that is not a radiograph that can be read
    │   └── UnwantedImage       an image that only the acceptance policy refuses
    ├── WeightsUnavailable      initial weights that are neither cached nor downloadable
    └── ModelDamaged            a checkpoint or exported model that is incomplete or altered

The message of each is one line that says what is wrong and what to do. The command line prints it
and exits with status 2.
"""

from pathlib import Path
from typing import Literal

UnwantedCode = Literal["modality", "body-part", "view-position", "presentation-intent"]
"""What about a DICOM image is not accepted."""


class LungscopeError(Exception):
    """A mistake in what was given: the message says what is wrong and what to do."""


class NotFound(LungscopeError):
    """A file, folder, run or name that does not exist."""


class AlreadyExists(LungscopeError):
    """A result that is already there and would be replaced."""


class InvalidSetting(LungscopeError):
    """An option, recipe field or configuration value that is out of range or contradictory."""


class InvalidData(LungscopeError):
    """A data set, table or result file that cannot be used as it is."""


class DataLeak(InvalidData):
    """An image, a near-duplicate of it, or a group (patient) that is in two subsets of a split."""


class UnreadableImage(LungscopeError):
    """A file that is not a radiograph that lungscope can read.

    Attributes:
        path: the file, or the name that its bytes came with.
        reason: what is wrong and what to do, one line, without the path.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)  # both, so that it survives the way back from a worker
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
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


class WeightsUnavailable(LungscopeError):
    """Initial weights that are neither in a cache nor downloadable here."""


class ModelDamaged(LungscopeError):
    """A checkpoint or exported model whose files are missing, damaged, altered or do not fit."""
