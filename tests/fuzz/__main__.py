"""`python -m tests.fuzz [--seconds 45] [--seed N] [--only png] [--found FOLDER]`."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]  # the makers of files, `dicom_files`

if __name__ == "__main__":
    from fuzz.campaign import main

    sys.exit(main())
