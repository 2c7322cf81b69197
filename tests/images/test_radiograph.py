from pathlib import Path

import numpy as np

from lungscope.images import Acquisition, Identifiers, Radiograph


def test_its_representation_has_neither_pixels_nor_identifiers():
    radiograph = Radiograph(
        np.zeros((64, 80), np.float32),
        Path("a.dcm"),
        "DICOM",
        "MONOCHROME2",
        12,
        Acquisition(modality="DX", view_position="PA"),
        Identifiers(patient_id="PID-774411"),
    )
    assert repr(radiograph) == "Radiograph('a.dcm', 64 x 80 pixels, DICOM, 12 bits, PA)"
