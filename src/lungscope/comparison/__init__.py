"""Models against each other on the same images: paired differences, and whether they are real."""
