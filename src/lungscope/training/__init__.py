"""A recipe and a split become a fitted model in a run folder; Lightning underneath."""
