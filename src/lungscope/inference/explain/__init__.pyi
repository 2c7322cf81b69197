from .drawing import draw_explanation, draw_overlay
from .explanation import Explanation, Method
from .files import Explained, explain_files
from .heatmap import Heatmap, make_heatmap
from .thorax import proportion_outside_thorax, thorax_mask

__all__ = [
    "Explained",
    "Explanation",
    "Heatmap",
    "Method",
    "draw_explanation",
    "draw_overlay",
    "explain_files",
    "make_heatmap",
    "proportion_outside_thorax",
    "thorax_mask",
]
