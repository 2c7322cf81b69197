"""A file on disk becomes one radiograph, or a clear refusal."""

from lungscope.images.dicom_acquisition import ANYTHING, CHEST_RADIOGRAPHS, Acquisition, Policy
from lungscope.images.preprocessing import Preprocessing, to_square
from lungscope.images.radiograph import Radiograph
from lungscope.images.reading import UnreadableImage, read

__all__ = [
    "ANYTHING",
    "CHEST_RADIOGRAPHS",
    "Acquisition",
    "Policy",
    "Preprocessing",
    "Radiograph",
    "UnreadableImage",
    "read",
    "to_square",
]
