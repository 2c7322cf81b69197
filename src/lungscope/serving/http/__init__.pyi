from .application import create_application
from .server import serve
from .service import Model
from .settings import Settings

__all__ = [
    "Model",
    "Settings",
    "create_application",
    "serve",
]
