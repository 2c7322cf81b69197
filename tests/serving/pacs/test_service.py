"""The parts together, in this process and as a process that is killed."""

import os
import ssl
import subprocess
import threading
import time
import warnings
from contextlib import suppress
from dataclasses import replace

import pytest
from pacs_peers import NAMED, Process, Target, associate, radiograph, send, until
from pydicom import uid

from lungscope.errors import LungscopeError, NotFound
from lungscope.serving.pacs.maintenance import drop, retry
from lungscope.serving.pacs.queue import FILE, Queue
from lungscope.serving.pacs.selection import Selection
from lungscope.serving.pacs.service import Service
from lungscope.serving.pacs.settings import Backoff
from lungscope.serving.pacs.settings import Target as ResultTarget
from lungscope.serving.pacs.spool import key_of
from lungscope.serving.pacs.status import Status


@pytest.fixture
def services(classifier):
    started = []

    def start(settings):
        started.append(Service(settings, classifier))
        return started[-1]

    yield start
    for each in started:
        each.stop()


def done(spool, count, *states):
    counts = Status.of(spool).counts
    return sum(counts[state] for state in states or ("sent",)) == count


def test_an_image_goes_in_and_a_report_and_a_capture_come_out(services, settings, target):
    service = services(settings)
    assert send(service.port, radiograph(bright="left")) == [0]
    until(lambda: len(target.came) == 2)
    until(lambda: done(settings.spool, 1))
    (report,), (capture,) = target.reports, target.captures
    assert report.StudyInstanceUID == capture.StudyInstanceUID == radiograph().StudyInstanceUID


def test_results_sent_back_to_the_node_make_no_loop(services, settings, target):
    service = services(settings)
    send(service.port, radiograph(bright="left"))
    until(lambda: done(settings.spool, 1))
    (capture,) = target.captures
    capture.file_meta = radiograph().file_meta
    assert send(service.port, capture) == [0]
    stranger = radiograph(SOPClassUID=uid.SecondaryCaptureImageStorage, Modality="OT")
    stranger.SOPInstanceUID = "1.2.3.4.5"  # of another node's results
    assert send(service.port, stranger) == [0]
    until(lambda: done(settings.spool, 2, "sent", "refused"))
    time.sleep(0.3)
    assert len(target.came) == 2


def test_the_status_of_a_running_node_names_its_parts(services, settings):
    service = services(settings)
    until(lambda: Status.of(settings.spool).conditions["listener"].good)
    found = Status.of(settings.spool)
    assert found.problems == []
    assert found.to_json()["listener"]["address"] == f"127.0.0.1 port {service.port}"
    assert found.to_json()["targets"][settings.targets[0].name]["takes"] == ["sr", "picture"]
    assert found.to_json()["reconciliation"] is None


def test_two_services_do_not_share_a_spool(services, settings):
    services(settings)
    with pytest.raises(LungscopeError, match="another lungscope pacs"):
        services(settings)


def test_another_process_leaves_what_a_node_is_writing(services, settings):
    services(settings)
    partial = settings.spool / "received" / ".half.partial"
    partial.write_bytes(b"half an instance")
    with pytest.raises(LungscopeError, match="another lungscope pacs"):
        services(settings)
    drop(settings.spool, Selection(states=("sent",)))
    assert partial.read_bytes() == b"half an instance"


def test_instances_are_dropped_and_tried_again_while_the_node_runs(services, settings, target):
    target.status = 0xC000
    service = services(replace(settings, backoff=Backoff(first=0.01, longest=0.01)))
    sets = [radiograph(number, "left") for number in range(2)]
    assert send(service.port, *sets) == [0, 0]
    until(lambda: done(settings.spool, 2, "failed"))
    target.status, target.came[:] = 0x0000, []
    drop(settings.spool, Selection(keys=(sets[0].SOPInstanceUID,)))
    assert len(retry(settings.spool, Selection())[0]) == 1
    until(lambda: done(settings.spool, 1))
    assert {_source(each) for each in target.reports} == {sets[1].SOPInstanceUID}
    assert send(service.port, sets[0]) == [0]  # what was dropped may come again
    until(lambda: done(settings.spool, 2))


def test_a_retry_does_not_wait_for_a_target_that_could_not_be_reached(services, settings, target):
    port = target.port
    target.stop()
    service = services(replace(settings, backoff=Backoff(first=600.0)))
    send(service.port, radiograph(1))
    until(lambda: Status.of(settings.spool).conditions[settings.targets[0].name].bad)
    again = Target(port)
    retry(settings.spool, Selection())
    until(lambda: len(again.reports) == 1, 4)
    again.stop()


def test_drops_at_any_moment_lose_no_other_instance(services, settings, target):
    """Every acknowledged instance is answered or was dropped; no file is left behind."""
    service = services(settings)
    sets = [radiograph(number, "left") for number in range(12)]
    dropped = sets[::3]

    def drop_now():
        for each in dropped:
            for _ in range(3):
                with suppress(NotFound):
                    drop(settings.spool, Selection(keys=(each.SOPInstanceUID,)))
                time.sleep(0.02)

    dropping = threading.Thread(target=drop_now)
    dropping.start()
    assert send(service.port, *sets) == [0] * 12
    dropping.join()
    kept = {key_of(each.SOPInstanceUID) for each in sets if each not in dropped}
    until(lambda: Status.of(settings.spool).counts["sent"] >= len(kept))
    until(lambda: not Status.of(settings.spool).unfinished)
    queue = Queue(settings.spool / FILE)
    assert all(queue.get(key).state == "sent" for key in kept)
    queue.close()
    assert list((settings.spool / "received").iterdir()) == []


def test_tls_both_ways_and_no_peer_without_a_certificate(services, settings, certificates, caplog):
    target = Target(tls=certificates.server())
    service = services(
        replace(
            settings,
            tls=certificates,
            send_tls=certificates,
            targets=(ResultTarget.parse(f"PACS@localhost:{target.port}"),),
        )
    )
    assert send(service.port, radiograph(), tls=(certificates.client(), "localhost")) == [0]
    until(lambda: len(target.reports) == 1)
    target.stop()
    anonymous = ssl.create_default_context(cafile=certificates.authority)
    for tls in (None, (anonymous, "localhost")):
        association = associate(service.port, tls=tls)
        assert not association.is_established
    days = Status.of(settings.spool).certificate_days
    assert 1.9 < days < 2
    assert "the TLS certificate expires in 2 days" in Status.of(settings.spool).problems
    assert "expires on" in caplog.text
    assert "the other side does not speak TLS" in caplog.text
    assert "the peer shows no certificate" in caplog.text


def test_a_handshake_that_is_not_finished_holds_nobody_up(services, settings, certificates):
    import socket

    service = services(replace(settings, tls=certificates))
    with socket.create_connection(("127.0.0.1", service.port)):
        assert send(service.port, radiograph(), tls=(certificates.client(), "localhost")) == [0]


@pytest.mark.process
def test_kill_in_mid_store_loses_nothing_and_sends_nothing_twice(
    exported_model, tmp_path, target, processes
):
    """What is not acknowledged is sent again, as a PACS does; two kills among 9 instances."""
    spool, images = tmp_path / "spool", [radiograph(number, "left") for number in range(9)]

    def start():
        processes.append(Process(exported_model, spool, target.port).ready())
        return processes[-1]

    process, acknowledged = start(), 0
    for kill_at in (2, 5, None):
        killer = threading.Thread(target=_kill_when, args=(process, target, kill_at))
        killer.start()
        while acknowledged < len(images):
            try:
                status = send(process.port, *images[acknowledged : acknowledged + 3])
            except (AssertionError, ValueError, RuntimeError):
                break
            acknowledged += status.index(None) if None in status else len(status)
            if None in status:
                break
        killer.join()
        if kill_at is not None:
            process = start()
    until(lambda: done(spool, 9), 120)
    instances = {each.SOPInstanceUID for each in target.reports}
    sources = {_source(each) for each in target.reports}
    assert len(instances) == len(sources) == 9
    assert len({each.SOPInstanceUID for each in target.captures}) == 9
    assert process.terminate() == 0


def _kill_when(process, target, count):
    if count is not None:
        end = time.monotonic() + 30
        while len(target.reports) < count and time.monotonic() < end:
            time.sleep(0.002)
        process.kill()


def _source(report):
    (study,) = report.CurrentRequestedProcedureEvidenceSequence
    return study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID


@pytest.mark.process
def test_sigterm_ends_it_in_order_and_the_next_start_goes_on(
    exported_model, tmp_path, processes, target
):
    unreachable = Target()
    unreachable.stop()
    processes.append(Process(exported_model, tmp_path / "spool", unreachable.port).ready())
    assert send(processes[0].port, *(radiograph(number) for number in range(5))) == [0] * 5
    assert processes[0].terminate() == 0
    assert "stopped" in processes[0].log.read_text()
    processes.append(Process(exported_model, tmp_path / "spool", target.port).ready())
    until(lambda: len(target.reports) == 5, 30)


@pytest.mark.process
def test_sigterm_does_not_wait_for_a_target_that_hangs(exported_model, tmp_path, processes):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as hanging:
        processes.append(
            Process(exported_model, tmp_path / "spool", hanging.getsockname()[1]).ready()
        )
        assert send(processes[0].port, radiograph()) == [0]
        until(lambda: done(tmp_path / "spool", 1, "classified"))
        time.sleep(1)
        began = time.monotonic()
        processes[0].process.terminate()
        assert processes[0].process.wait(60) == 0
        assert time.monotonic() - began < 35
    assert "stopped" in processes[0].log.read_text()


@pytest.mark.process
def test_a_model_that_was_tampered_with_is_not_served(exported_model, tmp_path, processes, target):
    import shutil

    model = tmp_path / "model"
    shutil.copytree(exported_model, model)
    (model / "model.onnx").write_bytes((model / "model.onnx").read_bytes() + b"\0")
    process = Process(model, tmp_path / "spool", target.port)
    processes.append(process)
    assert process.process.wait(60) == 2
    text = process.log.read_text()
    assert "not the file that model.json describes" in text
    assert "Traceback" not in text


@pytest.mark.process
def test_the_log_of_a_process_holds_no_identifier(exported_model, tmp_path, processes, target):
    spool = tmp_path / "spool"
    processes.append(Process(exported_model, spool, target.port).ready())
    port = processes[0].port
    odd = {"PatientName": "Kowalczyk^Zenobia^" + "x" * 80, "StudyDate": "2019.02.28"}
    sets = [radiograph(0), radiograph(1, Modality="CT"), radiograph(2, Rows=97)]
    for each in (*sets, radiograph(3, SpecificCharacterSet="ISO_IR 144")):
        send(port, each)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        send(port, radiograph(4, **odd))
    until(lambda: done(spool, 5, "sent", "refused"), 30)
    processes[0].terminate()
    text = processes[0].log.read_text()
    assert "refused" in text
    for secret in (*NAMED.values(), "Kowalczyk", "Zenobia", "1.2.826.0.1.3680043", "2019.02"):
        assert secret not in text
    queue = Queue(spool / FILE)
    rows = "".join(
        str(queue.database.rows(f"SELECT * FROM {table}"))  # noqa: S608
        for table in ("instances", "results", "deliveries")
    )
    queue.close()
    assert "1.2.826" not in rows
    assert os.listdir(spool / "received") == []  # noqa: PTH208


def test_a_service_that_cannot_start_leaves_the_spool_to_others(services, settings):
    port = services(replace(settings, spool=settings.spool / "other")).port
    with pytest.raises(LungscopeError, match="cannot be bound"):
        services(replace(settings, port=port))
    services(settings)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 3 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("no disk can be mounted here, for which one must be root")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.process
def test_a_full_disk_refuses_and_goes_on_when_there_is_room(
    exported_model, small_disk, processes, target
):
    """The target takes nothing, so that the disk fills; then it does."""
    target.status = 0xA700
    spool = small_disk / "spool"
    processes.append(Process(exported_model, spool, target.port, "--min-free", "0").ready())
    answers = []
    while 0xA700 not in answers and len(answers) < 300:
        number = len(answers)
        answers += send(processes[0].port, *(radiograph(number + n, "left") for n in range(5)))
    assert set(answers) == {0x0000, 0xA700}
    assert processes[0].process.poll() is None
    taken = answers.count(0x0000)
    processes[0].terminate()
    subprocess.run(["mount", "-o", "remount,size=400m", small_disk], check=True)
    target.status = 0x0000
    processes.append(Process(exported_model, spool, target.port).ready())
    until(lambda: done(spool, taken), 60)
    assert len({each.SOPInstanceUID for each in target.reports}) == taken
    assert send(processes[1].port, radiograph(1000)) == [0x0000]


@pytest.mark.process
def test_a_read_only_disk_is_refused_at_the_start(exported_model, small_disk, processes, target):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    (small_disk.parent / "spool").symlink_to(small_disk)
    process = Process(exported_model, small_disk.parent / "spool", target.port)
    processes.append(process)
    assert process.process.wait(60) == 2
    assert "cannot be used as a spool (Read-only file system)" in process.log.read_text()
