"""A checkpoint of a run becomes a model that answers without torch."""
