"""The model behind HTTP: what arrives is bounded, what is accepted is answered, nothing is kept."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
