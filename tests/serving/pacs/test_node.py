import errno
import os
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import replace

import pytest
from pacs_peers import associate, encoded, radiograph, send, until
from pydicom import config, dcmread, uid
from pynetdicom import AE
from pynetdicom.sop_class import ComprehensiveSRStorage

from lungscope.errors import LungscopeError
from lungscope.serving.pacs.deliveries import Result
from lungscope.serving.pacs.node import Node
from lungscope.serving.pacs.settings import Limits
from lungscope.serving.pacs.spool import key_of
from lungscope.serving.pacs.store import Store


@pytest.fixture
def nodes(settings, store):
    """Starts nodes on `store`, with settings that may be changed."""
    started = []

    def start(**changed):
        started.append(Node(replace(settings, **changed), store, lambda: None))
        return started[-1].port

    yield start
    for each in started:
        each.stop()


def test_it_answers_an_echo(nodes):
    association = associate(nodes())
    assert association.send_c_echo().Status == 0
    association.release()


def test_an_instance_is_on_disk_when_it_is_acknowledged(nodes, store):
    made = radiograph()
    assert send(nodes(), made) == [0x0000]
    kept = dcmread(store.spool.image(key_of(made.SOPInstanceUID)))
    assert kept.PixelData == made.PixelData
    assert kept.SOPInstanceUID == made.SOPInstanceUID


@pytest.mark.parametrize(
    "kind",
    [
        uid.ComputedRadiographyImageStorage,
        uid.DigitalXRayImageStorageForPresentation,
        uid.SecondaryCaptureImageStorage,
    ],
)
def test_it_takes_radiographs_and_secondary_captures(nodes, kind):
    assert send(nodes(), radiograph(SOPClassUID=kind)) == [0x0000]


def test_it_takes_no_reports_so_that_its_own_cannot_come_back(nodes):
    association = associate(nodes(), contexts=[ComprehensiveSRStorage])
    accepted = {context.abstract_syntax for context in association.accepted_contexts}
    association.release()
    assert ComprehensiveSRStorage not in accepted


def test_it_keeps_a_compressed_instance_as_it_is(nodes, store):
    made = radiograph()
    made.compress(uid.RLELossless, generate_instance_uid=False)
    assert send(nodes(), made) == [0x0000]
    kept = dcmread(store.spool.image(key_of(made.SOPInstanceUID)))
    assert kept.file_meta.TransferSyntaxUID == uid.RLELossless


def test_an_own_result_that_comes_back_is_acknowledged_and_not_kept(nodes, store):
    store.queue.add("a")
    store.queue.set_classified(
        store.queue.claim(), "a model", [Result("2.25.99", "sr")], store.targets
    )
    capture = radiograph(SOPClassUID=uid.SecondaryCaptureImageStorage, SOPInstanceUID="2.25.99")
    assert send(nodes(), capture) == [0x0000]
    assert store.queue.counts()["received"] == 0


def test_titles_are_checked_and_the_log_says_which_was_wrong(nodes, caplog):
    port = nodes(accept_from=("ORTHANC",))
    assert associate(port, "STRANGER").is_rejected
    assert "calling AE title 'STRANGER' is not in --accept-from" in caplog.text
    assert associate(port, "ORTHANC", called="ANOTHER").is_rejected
    assert "called AE title 'ANOTHER' does not match 'LUNGSCOPE'" in caplog.text
    association = associate(port, "ORTHANC")
    assert association.is_established
    association.release()


def request(called, calling):
    """A request for an association as bytes, with titles of 16 bytes as they are given."""

    def item(kind, content):
        return struct.pack(">BBH", kind, 0, len(content)) + content

    context = item(0x30, b"1.2.840.10008.1.1") + item(0x40, b"1.2.840.10008.1.2")
    user = item(0x51, struct.pack(">L", 16384)) + item(0x52, b"1.2.3.4")
    body = struct.pack(">HH", 1, 0) + called.ljust(16) + calling.ljust(16) + bytes(32)
    body += item(0x10, b"1.2.840.10008.3.1.1.1") + item(0x20, b"\1\0\0\0" + context)
    body += item(0x50, user)
    return struct.pack(">BBL", 1, 0, len(body)) + body


def answered(port, content):
    """The first byte of what the node answers: 2 accepts, 3 rejects, 7 aborts."""
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.settimeout(10)
        peer.sendall(content)
        return peer.recv(1)[0]


@pytest.mark.parametrize(
    ("called", "calling"),
    [
        (b"LUNGSCOPE\0\0\0\0\0\0\0", b"MOD" + bytes(13)),
        (b"LUNGSCOPE\0", b"MOD\0"),
        (b"       LUNGSCOPE", b"MOD"),
        (b"LUNGSCOPE", b"MY MOD"),
    ],
)
def test_titles_are_accepted_as_devices_pad_them(nodes, called, calling):
    """Some pad with NUL; pynetdicom alone aborts that."""
    port = nodes(accept_from=("MOD", "MY MOD"))
    assert answered(port, request(called, calling)) == 2


@pytest.mark.parametrize(
    ("called", "calling", "reason"),
    [
        (b"LUNGSCOPE", b"", "the calling AE title is blank"),
        (b"LUNGSCOPE", bytes(16), "the calling AE title is blank"),
        (b"", b"MOD", "the called AE title is blank"),
        (b"LUNGSCOPE", "RÖNTGEN".encode("latin-1"), r"'R\xd6NTGEN' is not printable ASCII"),
        (b"LUNGSCOPE", b"A\nB", r"'A\nB' is not printable ASCII"),
    ],
)
def test_a_title_that_cannot_be_is_refused_with_one_line(nodes, caplog, called, calling, reason):
    assert answered(nodes(), request(called, calling)) == 7
    (line,) = [each.getMessage() for each in caplog.records if each.name == "lungscope.pacs"]
    assert "connection from 127.0.0.1 ended" in line
    assert reason in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\x01\0\0\0\0\x04ab\0\0", request(b"", b"")[:60]]
)
def test_what_cannot_be_understood_is_one_line_in_the_log(nodes, caplog, garbage):
    with socket.create_connection(("127.0.0.1", nodes())) as peer:
        peer.sendall(garbage)
        peer.shutdown(socket.SHUT_WR)
        ended(peer)
    time.sleep(0.2)
    lines = [each for each in caplog.records if each.name == "lungscope.pacs"]
    assert len(lines) <= 1
    if garbage[0] != 1 or len(garbage) < 60:
        assert "connection from 127.0.0.1" in lines[0].getMessage()


def test_a_message_that_trickles_in_whole_units_ends_the_connection(nodes, settings, caplog):
    """Each unit comes in time, and the message would take days: eight such peers held all."""
    port = nodes(limits=replace(settings.limits, seconds=1.0))
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.settimeout(10)
        peer.sendall(request(b"LUNGSCOPE", b"SLOW"))
        assert peer.recv(1) == b"\2"
        began = time.monotonic()
        with suppress(OSError):  # a reset or a broken pipe
            while time.monotonic() - began < 15:
                # a fragment of a command (PS3.8 9.3.5) that is not the last
                peer.sendall(struct.pack(">BBLLBB", 4, 0, 8, 4, 1, 1) + b"\0\0")
                time.sleep(0.25)
    assert time.monotonic() - began < 6
    until(lambda: "connection from SLOW@127.0.0.1 closed: a message takes too long" in caplog.text)


def test_an_association_that_rests_between_messages_is_kept(nodes, settings):
    association = associate(nodes(limits=replace(settings.limits, seconds=1.2)))
    for number in range(4):
        assert association.send_c_store(radiograph(number)).Status == 0
        time.sleep(0.7)
    association.release()


def test_no_more_associations_than_allowed(nodes, settings, caplog):
    port = nodes(limits=replace(settings.limits, associations=2))
    open_ones = [associate(port), associate(port)]
    assert associate(port).is_rejected
    assert "maximum number of associations reached" in caplog.text
    for each in open_ones:
        each.release()


def test_an_association_without_an_accepted_context_is_logged(nodes, caplog):
    entity = AE("STORESCU")
    entity.add_requested_context(uid.CTImageStorage)
    entity.associate("127.0.0.1", nodes(), ae_title="LUNGSCOPE")
    until(lambda: "proposes nothing that this node accepts" in caplog.text)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_cannot_be_written_is_out_of_resources(nodes, store, monkeypatch, number):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    port = nodes()
    monkeypatch.setattr(store.spool, "write_partial", fail)
    assert send(port, radiograph()) == [0xA700]
    monkeypatch.undo()
    assert send(port, radiograph()) == [0x0000]


def test_a_nearly_full_disk_is_out_of_resources(nodes, store):
    store._free = 2**62
    assert send(nodes(), radiograph()) == [0xA700]
    assert store.queue.counts()["received"] == 0


def test_a_queue_that_cannot_be_written_is_out_of_resources(nodes, store):
    port = nodes()
    store.queue.database.value("PRAGMA query_only = ON")
    assert send(port, radiograph()) == [0xA700]


def test_an_instance_over_the_limit_ends_the_association_and_no_other(
    nodes, settings, store, caplog
):
    port = nodes(limits=replace(settings.limits, instance=2**20))
    large = radiograph()
    large.PixelData = bytes(4 * 2**20)
    assert send(port, large) == [None]
    assert "connection from STORESCU@127.0.0.1 closed: a message is larger" in caplog.text
    assert store.spool.keys() == set()
    assert send(port, *(radiograph(number) for number in range(40))) == [0x0000] * 40


def test_an_announced_gigabyte_is_not_waited_for(nodes):
    with socket.create_connection(("127.0.0.1", nodes())) as peer:
        peer.settimeout(10)
        peer.sendall(struct.pack(">BBL", 4, 0, 2**32 - 1))
        assert ended(peer)


def test_silence_in_the_middle_of_a_message_ends_the_connection(nodes, settings):
    port = nodes(limits=replace(settings.limits, seconds=1.0))
    for start in (b"", struct.pack(">BB", 1, 0), struct.pack(">BBL", 1, 0, 100) + b"\0\1"):
        with socket.create_connection(("127.0.0.1", port)) as peer:
            peer.settimeout(10)
            peer.sendall(start)
            began = time.monotonic()
            assert ended(peer)
            assert time.monotonic() - began < 6


def test_a_trickle_of_bytes_ends_the_connection(nodes, settings):
    port = nodes(limits=replace(settings.limits, seconds=1.0))
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.sendall(struct.pack(">BBL", 1, 0, 60000))
        began = time.monotonic()
        with suppress(OSError):  # a reset or a broken pipe
            while time.monotonic() - began < 10:
                peer.sendall(b"\0")
                time.sleep(0.05)
    assert time.monotonic() - began < 6


def ended(peer):
    """Whether the other side closes the connection, with or without an abort."""
    try:
        while peer.recv(4096):
            pass
    except ConnectionResetError:
        pass
    except TimeoutError:
        return False
    return True


def test_garbage_does_no_harm(nodes):
    port = nodes()
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(3000), b"\x01\x00\x00\x00\x00\x04ab"):
        with socket.create_connection(("127.0.0.1", port)) as peer:
            peer.sendall(garbage)
    association = associate(port)
    assert association.send_c_echo().Status == 0
    association.release()


def test_many_silent_connections_do_not_shut_others_out_for_long(nodes, settings):
    port = nodes(limits=Limits(associations=2, seconds=1.0, free=0))
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(30)]
    until(lambda: _echoes(port), 15)
    for each in silent:
        each.close()


def _echoes(port):
    association = associate(port)
    if not association.is_established:
        return False
    status = association.send_c_echo().Status
    association.release()
    return status == 0


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_an_instance_without_a_uid_is_answered_with_a_failure(nodes, store, caplog):
    made = radiograph()
    made["SOPInstanceUID"]._value = uid.UID("1.2.826/../../etc", config.IGNORE)
    assert send(nodes(), made) != [0x0000]
    assert store.spool.keys() == set()
    assert "instance of STORESCU@127.0.0.1 not stored: its SOP Instance UID" in caplog.text


def test_what_is_in_the_middle_when_it_stops_is_acknowledged_only_if_it_is_kept(
    settings, store, monkeypatch
):
    node = Node(settings, store, lambda: None)
    began, go = threading.Event(), threading.Event()
    take = Store.receive

    def slowly(*given):
        began.set()
        go.wait(10)
        return take(*given)

    monkeypatch.setattr(Store, "receive", slowly)
    answers = []
    sender = threading.Thread(target=lambda: answers.extend(send(node.port, radiograph())))
    sender.start()
    began.wait(10)
    stopper = threading.Thread(target=node.stop)
    stopper.start()
    time.sleep(0.3)
    go.set()
    sender.join(20)
    stopper.join(20)
    assert answers == [0x0000]
    assert len(store.spool.keys()) == 1


def test_a_port_that_is_taken_is_refused(nodes, settings, store):
    port = nodes()
    with pytest.raises(LungscopeError, match="cannot be bound"):
        Node(replace(settings, port=port), store, lambda: None)


def test_what_is_sent_is_what_the_file_holds(nodes, store):
    made = radiograph(5)
    send(nodes(), made)
    kept = store.spool.image(key_of(made.SOPInstanceUID)).read_bytes()
    assert kept[128:132] == b"DICM"
    assert made.PixelData in kept
    assert len(kept) >= len(encoded(made)) - 200
