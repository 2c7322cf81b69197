"""Where a model looked: heatmaps, their figures, and the files they are written to. No torch."""
