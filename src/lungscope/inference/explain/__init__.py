"""Where a model looked: heatmaps, their figures, and the files they are written to. No torch."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
