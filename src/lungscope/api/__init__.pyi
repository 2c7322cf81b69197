from .arguments import Data
from .evaluation import compare, evaluate
from .reproduction import leave_one_source_out
from .run import OnEpoch, Run
from .splitting import split
from .training import train

__all__ = [
    "Data",
    "OnEpoch",
    "Run",
    "compare",
    "evaluate",
    "leave_one_source_out",
    "split",
    "train",
]
