r"""Which way up a projection radiograph is stored (Patient Orientation, PS3.3 C.7.6.1.1.1).

The element has two values: the direction of the patient that rows run to, and the one that columns
run to. Each is one to three letters, the principal direction first: A (anterior), P (posterior), R
(right), L (left), H (head), F (foot). An upright frontal radiograph, seen as usual, is L\F.
"""

import re
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_DIRECTION = re.compile(r"[APRLHF]{1,3}")
_AXES = {"A": 0, "P": 0, "R": 1, "L": 1, "H": 2, "F": 2}
_Sample = TypeVar("_Sample", bound=np.generic)


@dataclass(frozen=True)
class Orientation:
    """Where rows and columns of an image run to.

    Attributes:
        row, column: the principal directions, one letter of "APRLHF" each.
    """

    row: str
    column: str

    @property
    def along(self) -> str:
        """The direction, A or P, that a lateral radiograph shows across; "" of a frontal one."""
        return next((each for each in (self.row, self.column) if each in "AP"), "")

    def __str__(self) -> str:
        return f"{self.row}\\{self.column}"


def read_orientation(values: tuple[str, ...]) -> Orientation | None:
    r"""Reads Patient Orientation.

    Args:
        values: of the element, as they are written.

    Returns:
        None where it says nothing: there are not two values, one is no direction, or both run along
        one axis.

    Examples:
        >>> str(read_orientation(("LF", "fp ")))
        'L\\F'
        >>> read_orientation(("L", "R")) is None
        True
    """
    letters = [value.strip().upper() for value in values]
    if len(letters) != 2 or not all(map(_DIRECTION.fullmatch, letters)):
        return None
    row, column = (each[0] for each in letters)
    return None if _AXES[row] == _AXES[column] else Orientation(row, column)


def turn_upright(image: NDArray[_Sample], orientation: Orientation | None) -> NDArray[_Sample]:
    """Turns and mirrors a frontal radiograph: upright, with the patient's left on the right.

    Args:
        image: (H, W).
        orientation: of the image; one that is unknown or not frontal changes nothing.

    Returns:
        (H, W), or (W, H) of an image on its side.
    """
    if orientation is None or orientation.along:
        return image
    row, column = orientation.row, orientation.column
    if row in "HF":
        image, row, column = image.T, column, row
    if row == "R":
        image = image[:, ::-1]
    if column == "H":
        image = image[::-1]
    return np.ascontiguousarray(image)
