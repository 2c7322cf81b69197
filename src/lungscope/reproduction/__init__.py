"""The paper's whole table and figures, made again on one split."""
