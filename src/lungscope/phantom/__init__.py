"""Synthetic chest radiographs in three classes, for demonstrations and tests."""

from lungscope.phantom.dataset import NOTICE, write_phantoms
from lungscope.phantom.drawing import CLASSES, Phantom, draw_phantom

__all__ = ["CLASSES", "NOTICE", "Phantom", "draw_phantom", "write_phantoms"]
