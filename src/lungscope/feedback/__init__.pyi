from .agreement import Agreement, ClassAgreement, Monitor, assess_feedback
from .evidence import Evidence, confidence_sequence, gather_evidence
from .judgements import Judgement, Verdict, read_judgements

__all__ = [
    "Agreement",
    "ClassAgreement",
    "Evidence",
    "Judgement",
    "Monitor",
    "Verdict",
    "assess_feedback",
    "confidence_sequence",
    "gather_evidence",
    "read_judgements",
]
