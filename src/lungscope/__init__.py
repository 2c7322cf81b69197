"""lungscope: chest X-ray lung disease classification that can be trusted."""

__version__ = "0.1.0"
