"""Who a node meets: images to send, an archive that takes results, the command as a process."""

import socket
import subprocess
import sys
import time
from io import BytesIO

import numpy as np
from pydicom import dcmread, dcmwrite, uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification

from dicom_files import IDENTIFIERS, dataset
from lungscope.images import TRANSFER_SYNTAXES
from lungscope.serving.pacs.node import STORED
from lungscope.serving.pacs.settings import Target as ResultTarget

RESULTS = (uid.ComprehensiveSRStorage, uid.SecondaryCaptureImageStorage)
NAMED = {
    keyword: IDENTIFIERS[keyword]
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "AccessionNumber")
}


def radiograph(number=0, bright="even", **elements):
    """A DX image of a phantom-like pattern; the tiny model recognises which side is bright."""
    rows, columns = np.indices((96, 80))
    pattern = {"even": rows * 0, "left": 40 - columns, "right": columns - 40}[bright]
    samples = (2000 + 40 * pattern + 10 * (rows % 7) + number % 97).astype(np.uint16)
    return numbered(samples, number, **elements)


def numbered(samples, number, **elements):
    """A DX image of 12-bit samples, an instance of a series and a study of its own."""
    values = {
        "SOPInstanceUID": f"1.2.826.0.1.3680043.8.498.7.{number + 1}",
        "SeriesInstanceUID": f"1.2.826.0.1.3680043.8.498.8.{number + 1}",
        "StudyInstanceUID": f"1.2.826.0.1.3680043.8.498.9.{number + 1}",
        "PatientSex": "F",
        "StudyTime": "101500",
        "ReferringPhysicianName": "",
        "ViewPosition": "PA",
        "InstanceNumber": "3",
    }
    return dataset(samples, 12, **values | elements)


def encoded(made):
    buffer = BytesIO()
    dcmwrite(buffer, made, enforce_file_format=True)
    return buffer.getvalue()


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def until(condition, seconds=20.0):
    """Waits until a condition holds, and returns its value."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not so after {seconds} s")


def associate(port, title="STORESCU", called="LUNGSCOPE", tls=None, contexts=STORED):
    entity = AE(title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 5
    entity.add_requested_context(Verification)
    for kind in contexts:
        for syntax in TRANSFER_SYNTAXES:
            entity.add_requested_context(kind, syntax)
    return entity.associate("127.0.0.1", port, ae_title=called, tls_args=tls)


def send(port, *sets, **options):
    """Sends data sets; the statuses, None for one that was not answered."""
    association = associate(port, **options)
    assert association.is_established
    try:
        return [getattr(association.send_c_store(each), "Status", None) for each in sets]
    finally:
        association.release()


class Target:
    """An archive that notes what comes."""

    def __init__(self, port=0, status=0x0000, tls=None, kinds=RESULTS):
        self.came, self.status, self._stopped = [], status, False
        entity = AE("PACS")
        for kind in kinds:
            entity.add_supported_context(kind)
        self._server = entity.start_server(
            ("127.0.0.1", port),
            block=False,
            evt_handlers=[(evt.EVT_C_STORE, self._store)],
            ssl_context=tls,
        )
        self.port = self._server.server_address[1]

    def named(self, takes="sr,picture"):
        """This archive as the node's settings name it."""
        return ResultTarget.parse(f"PACS@127.0.0.1:{self.port}={takes}")

    def _store(self, event):
        self.came.append(dcmread(BytesIO(event.encoded_dataset())))
        return self.status

    @property
    def reports(self):
        return [each for each in list(self.came) if each.Modality == "SR"]

    @property
    def captures(self):
        return [each for each in list(self.came) if each.Modality == "OT"]

    def stop(self):
        if not self._stopped:
            self._server.shutdown()
        self._stopped = True


class Process:
    """`lungscope pacs run` as a process of its own."""

    def __init__(
        self, model, spool, target_port, *options, environment=None, title="PACS", port=None
    ):
        self.port, self.spool = port or free_port(), spool
        self.log = spool.parent / f"{spool.name}.log"
        command = [sys.executable, "-m", "lungscope", "pacs", "run", "--spool", str(spool)]
        command += ["--model", str(model), "--port", str(self.port), "--min-free", "1"]
        command += ["--target", f"{title}@127.0.0.1:{target_port}", "--workers", "1", *options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)

    def ready(self):
        def listening():
            assert self.process.poll() is None, self.log.read_text()
            with socket.socket() as sock:
                return sock.connect_ex(("127.0.0.1", self.port)) == 0

        until(listening, 60)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def terminate(self):
        self.process.terminate()
        return self.process.wait(30)
