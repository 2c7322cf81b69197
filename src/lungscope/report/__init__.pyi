from .facts import RunFacts, read_facts
from .run_report import write_report

__all__ = [
    "RunFacts",
    "read_facts",
    "write_report",
]
