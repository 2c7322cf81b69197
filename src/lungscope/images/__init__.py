"""A file on disk becomes one radiograph, or a clear refusal."""

from lungscope.images.dicom.acquisition import (
    ANYTHING,
    CHEST_RADIOGRAPHS,
    Acquisition,
    Identifiers,
    Policy,
)
from lungscope.images.dicom.transfer_syntaxes import TRANSFER_SYNTAXES, TransferSyntax
from lungscope.images.preprocessing import Preprocessing, to_square
from lungscope.images.radiograph import Radiograph
from lungscope.images.reading import read, read_content

__all__ = [
    "ANYTHING",
    "CHEST_RADIOGRAPHS",
    "TRANSFER_SYNTAXES",
    "Acquisition",
    "Identifiers",
    "Policy",
    "Preprocessing",
    "Radiograph",
    "TransferSyntax",
    "read",
    "read_content",
    "to_square",
]
