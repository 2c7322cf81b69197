from .assessment import Assessment, assess
from .bootstrap import Resampling, bootstrap_estimate, bootstrap_where_defined
from .calibration import Calibration, ReliabilityBin, compute_calibration, compute_reliability
from .discrimination import Discrimination, compute_class_curves, compute_discrimination
from .evaluation import Evaluation, evaluate
from .metrics import (
    METRICS,
    Metric,
    Sample,
    compute_metrics,
    confusion_matrix,
    metric,
    resample_metrics,
)
from .operating_points import (
    OperatingPoint,
    choose_threshold_for_sensitivity,
    measure_operating_point,
)
from .predictions import Predictions
from .proportions import (
    estimate_proportion,
    estimate_proportion_among,
    estimate_proportion_of_all,
    wilson_interval,
)
from .run_evaluation import RunEvaluation, evaluate_run
from .selective import choose_threshold_for_accuracy, compute_coverage_curve
from .subset_predictions import predict_subset

__all__ = [
    "METRICS",
    "Assessment",
    "Calibration",
    "Discrimination",
    "Evaluation",
    "Metric",
    "OperatingPoint",
    "Predictions",
    "ReliabilityBin",
    "Resampling",
    "RunEvaluation",
    "Sample",
    "assess",
    "bootstrap_estimate",
    "bootstrap_where_defined",
    "choose_threshold_for_accuracy",
    "choose_threshold_for_sensitivity",
    "compute_calibration",
    "compute_class_curves",
    "compute_coverage_curve",
    "compute_discrimination",
    "compute_metrics",
    "compute_reliability",
    "confusion_matrix",
    "estimate_proportion",
    "estimate_proportion_among",
    "estimate_proportion_of_all",
    "evaluate",
    "evaluate_run",
    "measure_operating_point",
    "metric",
    "predict_subset",
    "resample_metrics",
    "wilson_interval",
]
