from .abstention_fit import choose_thresholds, fit_reference
from .exporting import ExportedRun, export_runs
from .graph import build_graph, serialise_graph
from .parity import Parity, check_parity
from .quantisation import quantise

__all__ = [
    "ExportedRun",
    "Parity",
    "build_graph",
    "check_parity",
    "choose_thresholds",
    "export_runs",
    "fit_reference",
    "quantise",
    "serialise_graph",
]
