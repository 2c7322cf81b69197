from .application import create_application
from .model import Model
from .server import serve
from .settings import Settings

__all__ = [
    "Model",
    "Settings",
    "create_application",
    "serve",
]
