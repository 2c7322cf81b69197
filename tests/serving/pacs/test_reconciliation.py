import gzip
import json
import threading
import tracemalloc
from base64 import b64encode
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pacs_peers import encoded, radiograph
from pydicom import uid

from lungscope.errors import LungscopeError
from lungscope.serving.pacs.orthanc import OrthancClient
from lungscope.serving.pacs.reconciliation import MARK, Reconciliation
from lungscope.serving.pacs.settings import Limits, Orthanc
from lungscope.serving.pacs.spool import key_of

BOMB = gzip.compress(bytes(2**26))  # 64 MiB of zeros
TOKEN = "Basic " + b64encode(b"alice:secret").decode()


class FakeOrthanc:
    """As much of Orthanc's REST interface as there is to ask; `test_orthanc` asks a real one."""

    def __init__(self):
        self.sets, self.changes, self.asked, self.status = {}, [], [], 200
        self.date = "20261122T101500"
        self.encoding = None
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                fake.asked.append(self.path)
                status, content = fake.answer(self.path, self.headers.get("Authorization"))
                self.send_response(status)
                if fake.encoding:
                    self.send_header("Content-Encoding", fake.encoding)
                if status == 302:
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def add(self, made, sender="MODALITY"):
        name = f"id{len(self.changes)}"
        self.sets[name] = (made, sender)
        self.changes.append(("NewInstance", name))
        self.changes.append(("NewSeries", f"series of {name}"))
        return name

    def answer(self, path, token):
        if self.status != 200:
            return self.status, b""
        if token != TOKEN:
            return 401, b""
        if self.encoding:
            return 200, BOMB
        where, _, query = path.partition("?")
        parts = where.strip("/").split("/")
        if parts == ["changes"]:
            return 200, self._changes(query)
        if parts[1] not in self.sets:
            return 404, b""
        made, sender = self.sets[parts[1]]
        rest = "/".join(parts[2:])
        values = {
            "content/0008-0018": made.SOPInstanceUID,
            "content/0008-0016": made.SOPClassUID,
            "content/0008-0060": made.Modality,
            "metadata/RemoteAET": sender,
        }
        return 200, encoded(made) if rest == "file" else values[rest].encode()

    def _changes(self, query):
        if query == "last":
            rows, done = list(enumerate(self.changes, 1))[-1:], True
        else:
            given = dict(part.split("=") for part in query.split("&"))
            rows = list(enumerate(self.changes, 1))[int(given["since"]) :]
            done = len(rows) <= int(given["limit"])
            rows = rows[: int(given["limit"])]
            last = rows[-1][0] if rows else int(given["since"])
        last = rows[-1][0] if rows else (0 if query == "last" else last)
        changes = [
            {"ChangeType": kind, "ID": name, "Seq": seq, "Date": self.date}
            for seq, (kind, name) in rows
        ]
        return json.dumps({"Changes": changes, "Last": last, "Done": done}).encode()

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def orthanc():
    made = FakeOrthanc()
    yield made
    made.stop()


@pytest.fixture
def reconciling(settings, store, orthanc):
    """Makes a reconciliation that asks at once."""

    def make(**changed):
        given = Orthanc(orthanc.url, "alice", "secret", seconds=0.0)
        return Reconciliation(replace(settings, orthanc=replace(given, **changed)), store)

    return make


def test_what_came_while_the_node_was_down_is_fetched(reconciling, orthanc, store):
    reconciling().step()
    made = radiograph(1)
    orthanc.add(made)
    assert reconciling().step()
    assert store.spool.keys() == {key_of(made.SOPInstanceUID)}


def test_what_was_there_before_the_first_run_is_left_alone_unless_asked_for(
    reconciling, orthanc, store
):
    orthanc.add(radiograph(1))
    assert not reconciling().step()
    assert not reconciling().step()
    store.queue.set_mark(MARK, 0)
    assert reconciling().step()


def test_backfill_takes_what_was_there_before(reconciling, orthanc):
    orthanc.add(radiograph(1))
    assert reconciling(backfill=True).step()


def test_pages_are_read_one_after_the_other(reconciling, orthanc, store):
    for number in range(70):  # two changes each, and a hundred a page
        orthanc.add(radiograph(number))
    reconciliation = reconciling(backfill=True)
    assert reconciliation.step()
    assert reconciliation.step()
    assert not reconciliation.step()
    assert len(store.spool.keys()) == 70


def test_what_is_known_is_not_fetched(reconciling, orthanc, store):
    made = radiograph(1)
    store.receive(made.SOPInstanceUID, [encoded(made)])
    orthanc.add(made)
    assert not reconciling(backfill=True).step()
    assert not any(path.endswith("/file") for path in orthanc.asked)


@pytest.mark.parametrize(
    ("elements", "sender"),
    [
        ({}, "LUNGSCOPE"),
        ({"Modality": "OT", "SOPClassUID": uid.SecondaryCaptureImageStorage}, "PACS"),
        ({"Modality": "SR", "SOPClassUID": uid.ComprehensiveSRStorage}, "PACS"),
        ({"Modality": "CT", "SOPClassUID": uid.CTImageStorage}, "CT1"),
    ],
)
def test_results_and_other_modalities_are_not_fetched(
    reconciling, orthanc, store, elements, sender
):
    orthanc.add(radiograph(1, **elements), sender)
    assert not reconciling(backfill=True).step()
    assert store.spool.keys() == set()
    assert not any(path.endswith("/file") for path in orthanc.asked)


def test_what_was_deleted_since_is_passed_over(reconciling, orthanc, store):
    orthanc.sets.pop(orthanc.add(radiograph(1)))
    orthanc.add(radiograph(2))
    assert reconciling(backfill=True).step()
    assert len(store.spool.keys()) == 1


def test_a_crash_in_the_middle_of_a_page_loses_nothing(reconciling, orthanc, store, monkeypatch):
    orthanc.add(radiograph(1))
    orthanc.add(radiograph(2))
    second = key_of(radiograph(2).SOPInstanceUID)
    take = store.receive

    def full(instance, parts):
        if key_of(instance) == second:
            raise OSError("full")
        return take(instance, parts)

    monkeypatch.setattr(store, "receive", full)
    with pytest.raises(OSError, match="full"):
        reconciling(backfill=True).step()
    monkeypatch.undo()
    assert reconciling().step()
    assert len(store.spool.keys()) == 2


def test_an_orthanc_that_counts_anew_is_read_from_its_start(reconciling, orthanc, store):
    store.queue.set_mark(MARK, 5000)
    orthanc.add(radiograph(1))
    assert reconciling().step()


def test_another_database_with_as_many_changes_is_read_from_its_start(reconciling, orthanc, store):
    orthanc.add(radiograph(1))
    assert reconciling(backfill=True).step()
    orthanc.sets, orthanc.changes, orthanc.date = {}, [], "20261123T090000"
    for number in (2, 3, 4):
        orthanc.add(radiograph(number))
    assert reconciling().step()
    assert store.spool.keys() == {key_of(radiograph(n).SOPInstanceUID) for n in (1, 2, 3, 4)}


def test_an_orthanc_without_a_change_is_asked_for_none_before_the_first(reconciling, orthanc):
    reconciling().step()
    assert not any("since=-" in path for path in orthanc.asked)


def test_a_backfill_that_comes_too_late_is_logged(reconciling, orthanc, caplog):
    orthanc.add(radiograph(1))
    reconciling().step()
    reconciling(backfill=True)
    assert "--backfill has no effect" in caplog.text


@pytest.mark.parametrize("status", [500, 401, 302])
def test_an_orthanc_that_does_not_answer_is_asked_again(reconciling, orthanc, store, status):
    orthanc.status = status
    assert not reconciling(backfill=True).step()
    orthanc.status = 200
    orthanc.add(radiograph(1))
    assert reconciling(backfill=True).step()


def test_no_proxy_and_no_netrc_is_used(reconciling, orthanc, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login mallory password other\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    orthanc.add(radiograph(1))
    assert reconciling(backfill=True).step()


def test_a_compressed_answer_is_not_unpacked(reconciling, orthanc, store, caplog):
    orthanc.encoding = "gzip"
    reconciliation = reconciling(backfill=True)
    tracemalloc.start()
    assert not reconciliation.step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**24
    assert "not one of Orthanc" in caplog.text


def test_the_log_says_why_nothing_is_answered(reconciling, caplog):
    assert not reconciling(url="http://127.0.0.1:1").step()
    assert "no answer (Connection refused)" in caplog.text


def test_an_instance_over_the_limit_is_passed_over(settings, store, orthanc):
    orthanc.add(radiograph(1))
    small = replace(
        settings,
        limits=Limits(instance=1000, free=0),
        orthanc=Orthanc(orthanc.url, "alice", "secret", 0.0, backfill=True),
    )
    assert not Reconciliation(small, store).step()
    assert store.spool.keys() == set()


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "ftp://host/", "orthanc:8042", "http://", "http://host:port"),
        *("http://alice:secret@host:8042", "http://host/?query"),
    ],
)
def test_an_address_that_is_none_or_holds_a_password_is_refused(url):
    with pytest.raises(LungscopeError, match="Orthanc: ") as caught:
        OrthancClient(Orthanc(url), 1000)
    assert "secret" not in str(caught.value)


def test_a_password_is_not_printed():
    assert "secret" not in repr(Orthanc("http://host", "alice", "secret"))
