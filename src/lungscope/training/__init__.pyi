from .execution import Execution
from .fitting import FitCallbacks, FitResult, fit
from .history import Epoch, best_epoch, read_history
from .recipe import Recipe
from .recipes import PAPER_RECIPE, RECIPES, find_recipe
from .run import RunFolder
from .scoring import compute_features, compute_logits
from .setting import Setting, list_settings

__all__ = [
    "PAPER_RECIPE",
    "RECIPES",
    "Epoch",
    "Execution",
    "FitCallbacks",
    "FitResult",
    "Recipe",
    "RunFolder",
    "Setting",
    "best_epoch",
    "compute_features",
    "compute_logits",
    "find_recipe",
    "fit",
    "list_settings",
    "read_history",
]
