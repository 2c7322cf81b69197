"""The model behind HTTP: what arrives is bounded, what is accepted is answered, nothing is kept."""
