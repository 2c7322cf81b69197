"""An exported model answers for files: classes, probabilities, refusals and heatmaps. No torch."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
