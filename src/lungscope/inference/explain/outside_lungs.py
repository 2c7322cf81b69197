"""How much of the attribution lies outside the lungs: on the heart, shoulders, letters, markers."""

import numpy as np

from lungscope.inference.explain.heatmap import Heatmap
from lungscope.inference.lung_field import LungField

_GRID = 224


def proportion_outside_lungs(heatmap: Heatmap, field: LungField) -> float | None:
    """Computes the proportion of the attribution outside the lungs, in [0, 1].

    Above `area_outside_lungs` the attribution points away from the lungs more than one that points
    nowhere, and the answer is suspect: it may rest on a marker, on the edge of the radiograph or on
    how a patient was held. A heatmap has few cells, and each that is partly in a lung puts
    attribution outside, so that the proportion of a model that looks at lungs alone is not 0.

    Args:
        heatmap: of one class.
        field: of the same radiograph.

    Returns:
        None where there is no attribution.
    """
    values = heatmap.resampled(_GRID, _GRID).astype(np.float64)
    total = values.sum()
    if total == 0:
        return None
    return float(values[~field.resampled(_GRID, _GRID)].sum() / total)


def area_outside_lungs(field: LungField) -> float:
    """The share of the image outside the lungs: the proportion if attribution is spread evenly."""
    return float(1 - field.resampled(_GRID, _GRID).mean())
