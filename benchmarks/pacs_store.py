"""C-STORE of many instances to `lungscope pacs` with kills in between: what arrives, how often.

    python benchmarks/pacs_store.py FOLDER [--model DIR] [--instances 1000] [--kills 3]

FOLDER has radiographs, which are sent as DX images, again and again under new UIDs until there are
enough. A sender, as a PACS does, sends what was not acknowledged once more; the node is killed
(SIGKILL) at even distances and started again on the same spool. A target counts the results. To be
reached: as many reports as instances and as many Secondary Captures as answers, none missing and
none under two UIDs.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np

from lungscope.cli.inputs import list_files
from lungscope.images import read, read_content
from lungscope.inference.classifier import Classifier
from lungscope.inference.exported import find_model
from lungscope.serving.pacs.status import Status

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "serving" / "pacs")]

from pacs_peers import Process, Target, encoded, numbered, send  # noqa: E402 - now it is found

AT_ONCE = 20


def samples_of(file):
    """A radiograph's pixels as a detector would store them, in 12 bits."""
    return np.rint(read(file).pixels * 4095).astype(np.uint16)


def source_of(report):
    (study,) = report.CurrentRequestedProcedureEvidenceSequence
    return study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID


def kill_at(process: Process, target: Target, reports: int) -> None:
    while len(target.reports) < reports and process.process.poll() is None:
        time.sleep(0.005)
    process.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=find_model, default=find_model())
    parser.add_argument("--instances", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=3)
    options = parser.parse_args()
    classifier = Classifier.load(options.model)
    radiographs = [samples_of(file) for file in list_files([str(options.folder)], sys.stdin)]
    radiographs = radiographs[: options.instances]
    contents = [encoded(numbered(samples, 0)) for samples in radiographs]
    answers = [
        not classifier.classify(read_content(each, "radiograph.dcm")).abstained for each in contents
    ]
    expected = sum(answers[number % len(radiographs)] for number in range(options.instances))
    target = Target()
    with tempfile.TemporaryDirectory() as folder:
        spool = Path(folder) / "spool"
        process = Process(options.model, spool, target.port).ready()
        began, acknowledged, resent = time.perf_counter(), 0, 0
        for kill in range(1, options.kills + 2):
            last = kill > options.kills
            at = options.instances * kill // (options.kills + 1)
            killer = threading.Thread(target=kill_at, args=(process, target, at))
            if not last:
                killer.start()
            while acknowledged < options.instances:
                until = min(acknowledged + AT_ONCE, options.instances)
                batch = [
                    numbered(radiographs[number % len(radiographs)], number)
                    for number in range(acknowledged, until)
                ]
                try:
                    statuses = send(process.port, *batch)
                except (AssertionError, ValueError, RuntimeError):  # killed in the middle
                    resent += 1
                    break
                good = statuses.index(None) if None in statuses else len(statuses)
                assert all(status == 0 for status in statuses[:good]), statuses
                acknowledged += good
                if good < len(statuses):
                    resent += 1
                    break
            if not last:
                killer.join()
                process = Process(options.model, spool, target.port).ready()
        sent = time.perf_counter() - began
        while Status.of(spool).counts["sent"] < options.instances:
            time.sleep(0.2)
        seconds = time.perf_counter() - began
        counts = Status.of(spool).counts
        process.terminate()
    target.stop()
    reports = Counter(report.SOPInstanceUID for report in target.reports)
    sources = {source_of(report) for report in target.reports}
    captures = Counter(capture.SOPInstanceUID for capture in target.captures)
    print(f"{options.instances} instances, {options.kills} kills, {resent} sends broken off")
    print(f"acknowledged after {sent:.0f} s, all results after {seconds:.0f} s")
    print(f"queue: {counts}")
    print(f"reports: {len(reports)} instances of {len(sources)} sources")
    print(f"Secondary Captures: {len(captures)} instances, of {expected} answers")
    print(f"sent once more under the same UID: {reports.total() - len(reports)} reports")
    assert len(reports) == len(sources) == options.instances
    assert len(captures) == expected


if __name__ == "__main__":
    main()
