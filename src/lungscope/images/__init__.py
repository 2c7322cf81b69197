"""A file on disk becomes one radiograph, or a clear refusal."""

from lungscope.images.dicom_acquisition import ANYTHING, CHEST_RADIOGRAPHS, Acquisition, Policy
from lungscope.images.dicom_identifiers import Identifiers
from lungscope.images.preprocessing import Preprocessing, to_square
from lungscope.images.radiograph import Radiograph
from lungscope.images.reading import UnreadableImage, UnwantedImage, read, read_content

__all__ = [
    "ANYTHING",
    "CHEST_RADIOGRAPHS",
    "Acquisition",
    "Identifiers",
    "Policy",
    "Preprocessing",
    "Radiograph",
    "UnreadableImage",
    "UnwantedImage",
    "read",
    "read_content",
    "to_square",
]
