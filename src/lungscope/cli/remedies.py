"""What to do about an error, in the words of the command line."""

from collections.abc import Mapping

from lungscope.errors import Remedy

ON_COMMAND_LINE: Mapping[Remedy, str] = {
    "force": "replace it with --force",
    "force-or-elsewhere": "replace it with --force, or give another folder",
    "overwrite": "replace it with --overwrite",
    "overwrite-file": "replace it with --overwrite",
    "retrain": "train it again with --force",
    "resume": "continue it with `lungscope train --resume RUN`",
    "continue-or-replace": "continue it with --resume, replace it with --force, or give another "
    "folder",
    "train": "`lungscope train` makes one",
    "evaluate": "evaluate it first, with `lungscope evaluate RUN`",
    "evaluate-again": "write it again with `lungscope evaluate RUN --force`",
    "audit-again": "write it again with `lungscope audit RUN --force`",
    "reproduce-again": "write it again with `lungscope reproduce --force`",
    "split": "make a new one with `lungscope data split`",
    "skip-unreadable": "repair or remove them, or skip them with --skip-unreadable",
    "map": "`--map LABEL=CLASS` and `--map OTHER=` do",
    "data": "give the folder that they are in now with --data",
    "export": "export its run with `lungscope export RUN`",
    "export-run": "export it with `lungscope export RUN`, and give the exported folder",
    "explain-run": "explain it with --run RUN",
    "archive": "download this address in a browser and continue with `lungscope data fetch "
    "--archive FILE`",
    "leave-out-overlap": "leave them out with --leave-out-overlap",
    "name-folder": "name a folder for the results with -o",
}
"""The words of each remedy on the command line; `lungscope.errors.IN_PYTHON` has Python's."""
