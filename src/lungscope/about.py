"""What lungscope is: its version, and the sentence on everything that a person reads."""

__version__ = "0.2.0.dev0"

DISCLAIMER = "Research software, not for diagnosis."
"""Printed with every result that a person reads."""
