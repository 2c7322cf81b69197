"""Predictions to metrics with intervals, and figures."""
