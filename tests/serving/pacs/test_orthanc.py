"""Round trips through a real Orthanc, with the configuration of docs/how-to/orthanc."""

import io
import json
import os
import shutil
import subprocess
import time
import urllib.request
from base64 import b64encode
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from pacs_peers import Process, encoded, free_port, radiograph, until
from PIL import Image

from lungscope.phantom import write_phantoms
from lungscope.serving.pacs.status import Status

pytestmark = pytest.mark.process
CONFIGURATION = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "orthanc"
USER, PASSWORD = "lungscope", "change-me"


def of_dcmtk(name):
    """DCMTK's program of a name: environments with pynetdicom have others of the same one."""
    for folder in os.environ["PATH"].split(os.pathsep):
        program = shutil.which(name, path=folder)
        if program is None:
            continue
        version = subprocess.run([program, "--version"], capture_output=True)
        if b"dcmtk" in version.stdout:
            return program
    return None


class Orthanc:
    """An Orthanc of its own folder and ports."""

    def __init__(self, folder, node_port):
        program = shutil.which("Orthanc", path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            pytest.skip("Orthanc (Debian's orthanc) is not installed")
        self.storescu = of_dcmtk("storescu")
        for tool, there in (
            ("storescu", self.storescu),
            ("dciodvfy", shutil.which("dciodvfy")),
            ("dsrdump", shutil.which("dsrdump")),
        ):
            if there is None:
                pytest.skip(f"{tool} (Debian's dcmtk, dicom3tools) is not installed")
        self.http, self.dicom = free_port(), free_port()
        settings = json.loads((CONFIGURATION / "orthanc.json").read_text())
        settings |= {
            "StorageDirectory": str(folder / "db"),
            "IndexDirectory": str(folder / "db"),
            "HttpPort": self.http,
            "DicomPort": self.dicom,
            "MaximumStorageCacheSize": 0,  # so that a lost file is noticed
            "LuaScripts": [str(CONFIGURATION / "to-lungscope.lua")],
        }
        settings["DicomModalities"]["lungscope"]["Port"] = node_port
        folder.mkdir()
        (folder / "orthanc.json").write_text(json.dumps(settings))
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [program, folder / "orthanc.json"], stdout=log, stderr=log
            )
        until(self._answers, 30)

    def _answers(self):
        try:
            return self.get("/system")
        except OSError:
            return None

    def get(self, path, accept="application/json"):
        token = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http}{path}",
            headers={"Authorization": f"Basic {token}", "Accept": accept},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            content = answer.read()
        return json.loads(content) if accept == "application/json" else content

    def store(self, *paths):
        for path in paths:  # one by one: each proposes its own transfer syntax
            syntax = ["-xy"] if b"1.2.840.10008.1.2.4.50" in path.read_bytes()[:1000] else []
            peer = ["127.0.0.1", str(self.dicom)]
            subprocess.run(
                [self.storescu, "-aet", "STORESCU", "-aec", "ORTHANC", *syntax, *peer, str(path)],
                check=True,
            )

    def series(self, modality):
        return [
            each
            for each in self.get("/series?expand")
            if each["MainDicomTags"]["Modality"] == modality
        ]

    def instances(self, modality):
        return [name for each in self.series(modality) for name in each["Instances"]]

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture
def orthanc(tmp_path, exported_model, processes):
    """An Orthanc, and how to start the node beside it."""
    port = free_port()
    made = Orthanc(tmp_path / "orthanc", port)
    environment = {
        **os.environ,
        "LUNGSCOPE_ORTHANC_USER": USER,
        "LUNGSCOPE_ORTHANC_PASSWORD": PASSWORD,
    }

    def node(*options):
        processes.append(
            Process(
                exported_model,
                tmp_path / "spool",
                made.dicom,
                *("--accept-from", "ORTHANC"),
                *("--orthanc", f"http://127.0.0.1:{made.http}", *options),
                environment=environment,
                title="ORTHANC",
                port=port,
            ).ready()
        )
        return processes[-1]

    made.node = node
    yield made
    made.stop()


def valid(content, path):
    path.write_bytes(content)
    found = subprocess.run(["dciodvfy", path], capture_output=True, text=True, errors="replace")
    return not [line for line in found.stderr.splitlines() if line.startswith("Error")]


def test_phantoms_go_round_and_their_results_are_valid_and_in_their_studies(orthanc, tmp_path):
    orthanc.node()
    phantoms = sorted(write_phantoms(tmp_path / "phantoms", 3, size=256).rglob("*.png"))
    for number, drawn in enumerate(phantoms):
        brighter_left = np.linspace(1800, 0, 256)  # of which the tiny model is confident
        samples = (np.asarray(Image.open(drawn)) * 8.0 + brighter_left).astype(np.uint16)
        made = radiograph(number, Rows=256, Columns=256)
        made.PixelData = samples.tobytes()
        (tmp_path / f"{number}.dcm").write_bytes(encoded(made))
    orthanc.store(*(tmp_path / f"{number}.dcm" for number in range(3)))
    reports = until(lambda: len(found := orthanc.instances("SR")) == 3 and found, 60)
    drawn = until(lambda: len(found := orthanc.instances("OT")) == 3 and found, 20)
    assert {each["ParentStudy"] for each in orthanc.series("SR")} == {
        each["ParentStudy"] for each in orthanc.series("DX")
    }
    for name in (*reports, *drawn):
        content = orthanc.get(f"/instances/{name}/file", "application/dicom")
        assert valid(content, tmp_path / "result.dcm")
    for name in drawn:
        rendered = orthanc.get(f"/instances/{name}/rendered", "image/png")
        (tmp_path / f"{name}.png").write_bytes(rendered)  # to be looked at
        drawn = Image.open(io.BytesIO(rendered)).convert("RGB")
        assert drawn.width > 1000
        assert drawn.getpixel((2, 2)) == (0xA8, 0x2A, 0x00)  # the research-use band
    assert_nothing_goes_round_again(orthanc)


def assert_nothing_goes_round_again(orthanc):
    before = orthanc.get("/statistics")["CountInstances"]
    time.sleep(3)
    assert orthanc.get("/statistics")["CountInstances"] == before


def test_what_came_while_the_node_was_down_is_fetched(orthanc, tmp_path):
    first = orthanc.node()
    (tmp_path / "0.dcm").write_bytes(encoded(radiograph(0, "left")))
    orthanc.store(tmp_path / "0.dcm")
    until(lambda: len(orthanc.instances("SR")) == 1, 30)
    first.kill()
    (tmp_path / "1.dcm").write_bytes(encoded(radiograph(1, "left")))
    orthanc.store(tmp_path / "1.dcm")
    orthanc.node()
    until(lambda: len(orthanc.instances("SR")) == 2, 30)
    until(lambda: len(orthanc.instances("OT")) == 2, 30)


def test_a_file_that_orthanc_has_lost_holds_up_nothing(orthanc, tmp_path):
    """The film after it comes, and the status says how many are missing."""
    for number in range(3):
        (tmp_path / f"{number}.dcm").write_bytes(encoded(radiograph(number, "left")))
        orthanc.store(tmp_path / f"{number}.dcm")
    names = [
        change["ID"]
        for change in orthanc.get("/changes")["Changes"]
        if change["ChangeType"] == "NewInstance"
    ]
    uid = radiograph(1).SOPInstanceUID.encode()
    (lost,) = [
        path
        for path in (tmp_path / "orthanc" / "db").glob("??/??/*")
        if uid in path.read_bytes()[:2000] and b"DICM" in path.read_bytes()[:200]
    ]
    lost.unlink()
    node = orthanc.node("--backfill")
    until(lambda: len(orthanc.instances("SR")) == 2, 60)
    found = Status.of(node.spool)
    assert found.unreadable == (1, 0)
    assert any("Orthanc cannot give 1 instances" in each for each in found.problems)
    assert found.conditions["Orthanc"].bad is None
    assert f"cannot give instance {names[1]}" in node.log.read_text()


def test_it_begins_at_the_time_that_it_is_told(orthanc, tmp_path):
    """Orthanc's change log is in UTC, whatever the time zone of either."""
    for number in range(2):
        (tmp_path / f"{number}.dcm").write_bytes(encoded(radiograph(number, "left")))
    orthanc.store(tmp_path / "0.dcm")
    time.sleep(2)
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    orthanc.store(tmp_path / "1.dcm")
    node = orthanc.node("--since", now)
    until(lambda: len(orthanc.instances("SR")) == 1, 60)
    time.sleep(2)
    assert Status.of(node.spool).counts["sent"] == 1


@pytest.mark.real_data
def test_real_radiographs_go_round_and_each_has_a_valid_report(orthanc, tmp_path, shared_dicom):
    orthanc.node()
    orthanc.store(*shared_dicom)
    wanted = orthanc.instances("CR") + orthanc.instances("DX")
    assert wanted
    reports = until(lambda: len(found := orthanc.instances("SR")) == len(wanted) and found, 60)
    for name in (*reports, *orthanc.instances("OT")):
        content = orthanc.get(f"/instances/{name}/file", "application/dicom")
        assert valid(content, tmp_path / "result.dcm")
    for name in reports:
        (tmp_path / "report.dcm").write_bytes(
            orthanc.get(f"/instances/{name}/file", "application/dicom")
        )
        dump = subprocess.run(
            ["dsrdump", tmp_path / "report.dcm"], capture_output=True, check=True
        ).stdout
        assert b"Imaging Measurement Report" in dump
        assert b"Source of Measurement" in dump
