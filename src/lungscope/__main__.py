"""`python -m lungscope` is the command `lungscope`."""

from lungscope.cli.app import main

main()
