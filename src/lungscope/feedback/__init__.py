"""What readers made of answers: how often they agreed, and an alarm for when they no longer do."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
