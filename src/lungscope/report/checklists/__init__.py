"""Reporting checklists, item by item: CLAIM 2024 and TRIPOD+AI."""
