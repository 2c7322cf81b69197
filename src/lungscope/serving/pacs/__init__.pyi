from .service import Service
from .settings import Limits, Orthanc, Peer, Settings, Tls
from .status import Status, drop_instance

__all__ = [
    "Limits",
    "Orthanc",
    "Peer",
    "Service",
    "Settings",
    "Status",
    "Tls",
    "drop_instance",
]
