"""Audits of a model: shortcuts, sources, leaks, robustness, heatmaps, misclassifications."""
