from .facts import RunFacts, read_facts
from .reporting import write_report

__all__ = [
    "RunFacts",
    "read_facts",
    "write_report",
]
