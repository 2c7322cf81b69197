"""Seeded mutations of small valid files, given to every reader: see `campaign`."""
