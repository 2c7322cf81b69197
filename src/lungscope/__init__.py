"""Chest radiograph classification that says what each number is worth.

Everything public is listed in `__all__` and loaded when it is first used, so that importing
lungscope costs next to nothing and classifying needs neither torch nor scikit-learn.

Examples:
    >>> import lungscope as ls
    >>> ls.Classifier.bundled().classes
    ('Lung Opacity', 'Normal', 'Viral Pneumonia')
"""

import os
from typing import Any

import lazy_loader

# ONNX Runtime's wheels from 1.32 on write an identifier of the machine into the user's cache and
# hold the address of a collector. Only this, before it is imported, keeps them from either.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    try:
        return _load(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"lungscope.{name} needs {error.name}, which is not installed; "
            "pip install 'lungscope[train]'",
            name=error.name,
        ) from error
