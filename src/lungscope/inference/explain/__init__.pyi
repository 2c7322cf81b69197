from .drawing import draw_explanation, draw_outline, draw_overlay
from .explanation import Explanation, Method, UnmeasuredCode
from .files import Explained, explain_files
from .heatmap import Heatmap, make_heatmap
from .outside_lungs import area_outside_lungs, proportion_outside_lungs

__all__ = [
    "Explained",
    "Explanation",
    "Heatmap",
    "Method",
    "UnmeasuredCode",
    "area_outside_lungs",
    "draw_explanation",
    "draw_outline",
    "draw_overlay",
    "explain_files",
    "make_heatmap",
    "proportion_outside_lungs",
]
