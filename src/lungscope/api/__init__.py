"""The steps of a study in a line each: split, train, evaluate, audit, compare.

The command line does the same with the same functions; here they are joined for programs and
notebooks, without a terminal.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
