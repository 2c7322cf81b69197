"""Numbers to pictures: one module a kind of figure, all in one style."""
