"""Reproduces the paper's table and figures on one's own images, from Python or the command line.

`reproduce` carries out a `Plan` and returns a `Reproduction`; the modules hold the parts of it.
"""

from lungscope.reproduction.plan import Plan
from lungscope.reproduction.reproduction import Reproduction
from lungscope.reproduction.runner import RunEnvironment
from lungscope.reproduction.workflow import ReproductionCallbacks, claim_folder, reproduce

__all__ = [
    "Plan",
    "Reproduction",
    "ReproductionCallbacks",
    "RunEnvironment",
    "claim_folder",
    "reproduce",
]
