from .maintenance import Failures, drop, find_failures, retry
from .selection import Selection
from .service import Service
from .settings import Limits, Orthanc, Peer, Settings, Target
from .status import Status
from .tls import Tls

__all__ = [
    "Failures",
    "Limits",
    "Orthanc",
    "Peer",
    "Selection",
    "Service",
    "Settings",
    "Status",
    "Target",
    "Tls",
    "drop",
    "find_failures",
    "retry",
]
