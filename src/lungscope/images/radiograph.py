"""One radiograph: pixels with a known meaning, and where they came from."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungscope.images.dicom.acquisition import Acquisition, Identifiers


@dataclass(frozen=True, eq=False, repr=False)
class Radiograph:
    """A single-channel radiograph.

    Attributes:
        pixels: (H, W) float32 in [0, 1], H and W >= 64; bright is dense (bone is white), as on a
            radiograph. 1 is the largest value that the file's sample depth can hold, or that of
            `used_bits` where it is given; 32-bit integers count as 16-bit ones, floats as they
            are; of DICOM `dicom.values` says more.
        path: the file that it was read from, or the name that its bytes came with.
        format: the file's format by its content: "PNG", "JPEG", "TIFF", "BMP", "WEBP",
            "DICOM".
        mode: how the file stores its samples, in Pillow's words: "1", "L", "I;16", "RGB", ..., or
            in DICOM's: "MONOCHROME1", "MONOCHROME2".
        bits: bits of one sample in the file: 1, 2, 4, 8, 12, 16 or 32; of DICOM, those stored.
        acquisition: how it was taken, by a DICOM file; None for every other format.
        identifiers: whose it is, by a DICOM file; None for every other format. They are not in
            its `repr`.
        chroma: how far the file's image is from having a single tint, in [0, 1]: 0 for grey and
            for every DICOM image, 0.04 to 0.17 for colour photographs; `raster.decode_raster`
            defines it.
        used_bits: bits of one sample, where samples use less than a quarter of the range of
            `bits`, as 12 bits stored in 16 do; None where they use more. In DICOM with a VOI LUT,
            bits of the table's entries.
    """

    pixels: NDArray[np.float32]
    path: Path
    format: str
    mode: str
    bits: int
    acquisition: Acquisition | None = None
    identifiers: Identifiers | None = field(default=None, repr=False)
    chroma: float = 0.0
    used_bits: int | None = None

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(self.pixels.shape[1])

    def __repr__(self) -> str:
        """Names the file, its size and format; neither pixels nor identifiers."""
        view = self.acquisition.view_position if self.acquisition is not None else None
        shown = f", {view}" if view else ""
        return (
            f"Radiograph({str(self.path)!r}, {self.height} x {self.width} pixels, "
            f"{self.format}, {self.bits} bits{shown})"
        )
