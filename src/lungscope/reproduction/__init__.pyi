from .plan import Part, Plan
from .reproduction import Reproduction
from .row import TABLE_1, Published
from .runner import RunEnvironment
from .workflow import ReproductionCallbacks, reproduce

__all__ = [
    "TABLE_1",
    "Part",
    "Plan",
    "Published",
    "Reproduction",
    "ReproductionCallbacks",
    "RunEnvironment",
    "reproduce",
]
