from .comparison import Comparison, bootstrap_differences, compare
from .delong import AreaTest, delong_test
from .pair import ModelPair
from .run_comparison import compare_runs, write_comparison
from .significance import (
    McNemar,
    estimate_design_effect,
    estimate_images_needed,
    holm_adjust,
    mcnemar_test,
)

__all__ = [
    "AreaTest",
    "Comparison",
    "McNemar",
    "ModelPair",
    "bootstrap_differences",
    "compare",
    "compare_runs",
    "delong_test",
    "estimate_design_effect",
    "estimate_images_needed",
    "holm_adjust",
    "mcnemar_test",
    "write_comparison",
]
