from .audit_report import AuditReport
from .check import Check, list_checks, register_check
from .context import Context
from .corruptions import CORRUPTIONS, Corruption
from .finding import AuditFigure, Finding, Verdict
from .performance import Performance
from .run_audit import audit_run, run_checks

__all__ = [
    "CORRUPTIONS",
    "AuditFigure",
    "AuditReport",
    "Check",
    "Context",
    "Corruption",
    "Finding",
    "Performance",
    "Verdict",
    "audit_run",
    "list_checks",
    "register_check",
    "run_checks",
]
