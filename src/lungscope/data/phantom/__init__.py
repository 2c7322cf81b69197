"""Synthetic chest radiographs in three classes, for demonstrations and tests."""

from lungscope.data.phantom.dataset import NOTICE, write_phantoms
from lungscope.data.phantom.drawing import CLASSES, Phantom, draw

__all__ = ["CLASSES", "NOTICE", "Phantom", "draw", "write_phantoms"]
