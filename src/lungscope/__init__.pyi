from .about import DISCLAIMER, __version__
from .api.evaluation import compare, evaluate
from .api.reproduction import leave_one_source_out
from .api.run import Run
from .api.splitting import split
from .api.training import train
from .audit.audit_report import AuditReport
from .data.index import Index
from .data.split import Split
from .errors import (
    AlreadyExists,
    DataLeak,
    Inaccessible,
    InUse,
    InvalidData,
    InvalidSetting,
    LungscopeError,
    ModelDamaged,
    NotFound,
    UnreadableImage,
    UnwantedImage,
    WeightsUnavailable,
    WorkerKilled,
)
from .estimate import Estimate
from .estimator import RadiographEstimator
from .evaluation.run_evaluation import RunEvaluation
from .evaluation.run_external import ExternalEvaluation
from .images import Radiograph, read
from .inference.classifier import Classifier
from .inference.prediction import Prediction
from .models.checkpoint import Checkpoint
from .training.recipe import Recipe

__all__ = [
    "DISCLAIMER",
    "AlreadyExists",
    "AuditReport",
    "Checkpoint",
    "Classifier",
    "DataLeak",
    "Estimate",
    "ExternalEvaluation",
    "InUse",
    "Inaccessible",
    "Index",
    "InvalidData",
    "InvalidSetting",
    "LungscopeError",
    "ModelDamaged",
    "NotFound",
    "Prediction",
    "Radiograph",
    "RadiographEstimator",
    "Recipe",
    "Run",
    "RunEvaluation",
    "Split",
    "UnreadableImage",
    "UnwantedImage",
    "WeightsUnavailable",
    "WorkerKilled",
    "__version__",
    "compare",
    "evaluate",
    "leave_one_source_out",
    "read",
    "split",
    "train",
]
