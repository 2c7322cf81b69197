"""The checks of an audit, one module each; a module in this folder is found by itself."""
