"""An exported model answers for files: classes, probabilities, refusals and heatmaps. No torch."""
