"""`lungscope export`: a trained run as a model that classifies without torch."""

import shlex
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from lungscope.about import DISCLAIMER
from lungscope.cli.options import CacheFolder, Force, Json, NoGate, Quiet, RunData
from lungscope.cli.terminal import Terminal
from lungscope.cli.training import warn_unfinished
from lungscope.errors import InvalidSetting
from lungscope.text import format_percent, format_quantity, format_short

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lungscope.export.exporting import ExportedRun
    from lungscope.export.parity import Parity
    from lungscope.progress import OnProgress


def export(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Run folder of `lungscope train`. Several become one model: the mean of their "
            "probabilities.",
        ),
    ],
    data: RunData = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Output folder.",
            show_default="RUN/export; with --int8 RUN/export-int8; none for several runs",
        ),
    ] = None,
    int8: Annotated[
        bool,
        typer.Option("--int8", help="8-bit integers: smaller, faster, slightly less accurate."),
    ] = False,
    flip: Annotated[
        bool,
        typer.Option(
            "--flip",
            help="Answer with the mean over each image and its mirror. It takes twice the time.",
        ),
    ] = False,
    no_gate: NoGate = False,
    cache: CacheFolder = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Export a run's best checkpoint as an ONNX graph with preprocessing and abstention.

    Several runs of the same classes and input size, such as folds, become one graph, which takes
    as long as all of them. The graph is compared with the checkpoint on the validation images and
    on phantoms. If their predictions differ, nothing is written.
    """
    from lungscope.models.temperature import find_end

    terminal = Terminal(quiet=quiet, json=json)
    exported = _exported(
        runs, data, out, terminal, int8=int8, flip=flip, no_gate=no_gate, cache=cache, force=force
    )
    terminal.say(
        f"model {exported.description.identity}   {exported.size / 1e6:.1f} MB   "
        f"classes {escape(', '.join(exported.description.classes))}"
    )
    terminal.say(_checked(exported.parity))
    end = find_end(exported.description.temperature)
    if end is not None:
        terminal.say(
            f"[yellow]warning[/]: the temperature is the end of its search, {format_short(end)}: "
            "do not rely on the probabilities"
        )
    terminal.say(_abstention(exported.description.abstention))
    terminal.say(
        escape(f"Wrote {exported.folder} (model.onnx, model.json, abstention.npz, training.npz).")
    )
    terminal.say(
        escape(f"Next: lungscope predict PATH --model {shlex.quote(str(exported.folder))}")
    )
    terminal.say(DISCLAIMER)
    terminal.answer(exported.to_json())


def _exported(
    folders: list[Path],
    data: Path | None,
    out: Path | None,
    terminal: Terminal,
    *,
    int8: bool,
    flip: bool,
    no_gate: bool,
    cache: Path | None,
    force: bool,
) -> "ExportedRun":
    from lungscope.export.exporting import export_runs
    from lungscope.training.execution import Execution
    from lungscope.training.run import RunFolder

    if out is None and len(folders) > 1:
        raise InvalidSetting("an ensemble belongs to no run; give a folder for it with -o")
    runs = [RunFolder.open(folder) for folder in folders]
    for run in runs:
        warn_unfinished(run, "exported", terminal)
    if len({run.split.fingerprint for run in runs}) > 1:
        terminal.say(_DIFFERENT_SPLITS)
    Execution("cpu").prepare()
    with ExitStack() as bars:

        def progress(step: str) -> "OnProgress":
            return bars.enter_context(terminal.progress(step))

        return export_runs(
            runs,
            runs[0].split.find_root(data) if data else Path(runs[0].facts["data"]),
            out or folders[0] / ("export-int8" if int8 else "export"),
            "int8" if int8 else "fp32",
            flip=flip,
            use_gate=not no_gate,
            force=force,
            cache_folder=cache,
            progress=progress,
        )


_DIFFERENT_SPLITS = (
    "[yellow]warning[/]: the runs have different splits. The least confidence is chosen on "
    "validation images, each answered by the runs whose validation image it is; no image of these "
    "data is left to test the ensemble on"
)


def _abstention(limits: "Mapping[str, Any]") -> str:
    sure = limits["min_confidence"]
    told = f"below a confidence of {sure:.3f}" if sure else "never because of low confidence"
    gate = "with the gate" if limits["gate"] else "without the gate (--no-gate)"
    abnormal = limits["min_abnormality"]
    if abnormal is not None:
        told += f", where from a probability of {abnormal:.3f} it still says abnormal"
    return (
        f"Abstains {gate}, beyond a distance of {limits['max_distance']:.3f} from the training "
        f"images ({limits['score']}), and {told}: chosen on validation images"
    )


def _checked(parity: "Parity") -> str:
    images = format_quantity(parity.radiographs, "validation image")
    phantoms = format_quantity(parity.phantoms, "phantom")
    return (
        f"As the checkpoint on {images} and {phantoms}: logits within "
        f"{parity.largest_logit_difference:.2g}, {format_percent(parity.equal_decisions)} equal "
        f"decisions, accuracy {parity.accuracy_torch:.4f} and {parity.accuracy_onnx:.4f} exported"
    )
