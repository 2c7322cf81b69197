"""Reproduces the paper's table and figures on one's own images, from Python or the command line.

`reproduce` carries out a `Plan` and returns a `Reproduction`; the modules hold the parts of it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
