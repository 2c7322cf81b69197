"""What was found about a run, as a page for people: report.html and model_card.md."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
