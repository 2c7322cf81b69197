"""Options that several commands share: the same flag means the same everywhere."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Force = Annotated[bool, typer.Option("--force", help="Replace existing results.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Random seed.")]
CacheFolder = Annotated[
    Path | None,
    typer.Option("--cache", help="Folder for decoded images.", show_default="the user's cache"),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", min=1, help="Processes that read images.", show_default="one per processor"
    ),
]
Map = Annotated[
    list[str],
    typer.Option(
        "--map",
        metavar="LABEL=CLASS",
        help="Take a label of the data for a class; LABEL= leaves its images out. Repeatable.",
    ),
]
Skip = Annotated[bool, typer.Option("--skip-unreadable", help="Skip files that cannot be read.")]
TrainedRun = Annotated[Path, typer.Argument(metavar="RUN", help="Run folder of `lungscope train`.")]
RunData = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Folder or table of the images; of several data sets, the folder that holds them.",
        show_default="where they were when it trained",
    ),
]
Radiographs = Annotated[
    list[str],
    typer.Argument(metavar="PATH...", help="Files, folders, patterns, or - for names on stdin."),
]
UsedModel = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME|DIR",
        help="A bundled model (robust, paper), or a folder of `lungscope export`.",
        show_default="robust",
    ),
]
DataSets = Annotated[
    list[Path],
    typer.Argument(
        metavar="DATA...",
        help="Folder of class folders, or a CSV (file,label[,group]). Several are taken as one.",
    ),
]
DataOption = Annotated[
    list[Path],
    typer.Option(
        "--data",
        help="Folder of class folders, or a CSV (file,label[,group]). Several are taken as one.",
    ),
]
Device = Annotated[
    Literal["auto", "cpu", "cuda"], typer.Option("--device", help="Device to run the network on.")
]
NoGate = Annotated[
    bool,
    typer.Option(
        "--no-gate",
        help="Do not check that images are upright frontal chest radiographs: other body parts.",
    ),
]
AnyModality = Annotated[
    bool,
    typer.Option("--any-modality", help="Read DICOM images of any modality, view and body part."),
]
