"""lungscope: chest X-ray lung disease classification that can be trusted."""

__version__ = "0.1.0"

DISCLAIMER = "Research software, not for diagnosis."
"""On everything that a person reads."""
