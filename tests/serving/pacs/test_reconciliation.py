import gzip
import json
import logging
import threading
import time
import tracemalloc
from base64 import b64encode
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest
from pacs_peers import encoded, radiograph
from pydicom import uid

from lungscope.errors import LungscopeError
from lungscope.serving.pacs.orthanc import OrthancClient
from lungscope.serving.pacs.reconciliation import MARK, Reconciliation
from lungscope.serving.pacs.revisions import split_file
from lungscope.serving.pacs.settings import Backoff, Limits, Orthanc, Since
from lungscope.serving.pacs.spool import key_of
from lungscope.serving.pacs.unreadable import MOST_READS, UnreadableInstances

BACKOFF = Backoff()
BOMB = gzip.compress(bytes(2**26))  # 64 MiB of zeros
TOKEN = "Basic " + b64encode(b"alice:secret").decode()


class FakeOrthanc:
    """As much of Orthanc's REST interface as there is to ask; `test_orthanc` asks a real one."""

    def __init__(self):
        self.sets, self.changes, self.asked, self.status = {}, [], [], 200
        self.broken, self.connections = set(), 0
        self.date = "20261122T101500"
        self.dates, self.encoding = {}, None
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                fake.connections += 1

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
        self.changes.append(("NewSeries", self.series_of(made)))
        return name

    @staticmethod
    def series_of(made):
        return f"series {made.SeriesInstanceUID}"

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
        if parts[0] == "series":
            return self._series(unquote(parts[1]))
        if parts[1] not in self.sets:
            return 404, b""
        if (parts[1], parts[-1]) in self.broken:
            return 500, b"{}"
        made, sender = self.sets[parts[1]]
        if parts[2:] == ["file"]:
            return 200, encoded(made)
        values = {
            (): {
                "MainDicomTags": {"SOPInstanceUID": made.SOPInstanceUID},
                "ParentSeries": self.series_of(made),
            },
            ("metadata",): {"SopClassUid": made.SOPClassUID, "RemoteAET": sender},
        }
        return 200, json.dumps(values[tuple(parts[2:])]).encode()

    def _series(self, name):
        found = {key: made for key, (made, _) in self.sets.items() if self.series_of(made) == name}
        if not found:
            return 404, b""
        modality = next(iter(found.values())).Modality
        value = {"MainDicomTags": {"Modality": modality}, "Instances": list(found)}
        return 200, json.dumps(value).encode()

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
            {"ChangeType": kind, "ID": name, "Seq": seq, "Date": self.dates.get(name, self.date)}
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

    made = []

    def make(backfill=False, since=None, backoff=BACKOFF, **changed):
        begin = Since.parse("0" if backfill else since) if backfill or since else None
        given = Orthanc(orthanc.url, "alice", "secret", seconds=0.0, since=begin)
        changed = replace(settings, orthanc=replace(given, **changed), backoff=backoff)
        made.append(Reconciliation(changed, store))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_what_came_while_the_node_was_down_is_fetched(reconciling, orthanc, store):
    reconciling().step()
    made = radiograph(1)
    orthanc.add(made)
    assert reconciling().step()
    assert store.spool.keys() == {key_of(made.SOPInstanceUID)}


def test_what_was_there_before_the_first_run_is_left_alone_and_the_log_says_so(
    reconciling, orthanc, store, caplog
):
    orthanc.add(radiograph(1))
    assert not reconciling().step()
    assert not reconciling().step()
    assert "begins after change 2, which is now; what came before is not fetched" in caplog.text
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


def test_it_begins_where_it_is_told_to_once(reconciling, orthanc, store, caplog):
    """As after a queue was lost: in a unit file the option is given at every start."""
    caplog.set_level(logging.INFO, "lungscope.pacs")
    for number in range(3):
        orthanc.add(radiograph(number))
    reconciling().step()
    assert reconciling(since="2").step()  # each has two changes
    assert "begins after change 2 (--since 2)" in caplog.text
    assert store.spool.keys() == {key_of(radiograph(n).SOPInstanceUID) for n in (1, 2)}
    assert not reconciling(since="2").step()
    assert "goes on after change 6" in caplog.text
    assert reconciling(since="0").step()
    assert len(store.spool.keys()) == 3


@pytest.mark.parametrize(
    ("since", "count"),
    [
        *(("2026-11-01T00:00Z", 5), ("2026-11-11T00:00Z", 4), ("2026-11-12T12:30:00Z", 2)),
        *(("2026-11-12T13:29:00+01:00", 3), ("2026-11-30", 0)),
    ],
)
def test_it_begins_at_a_time(reconciling, orthanc, store, since, count):
    for day in range(5):
        made = radiograph(day)
        name, stored = orthanc.add(made), f"202611{10 + day}T122930"
        orthanc.dates |= {name: stored, orthanc.series_of(made): stored}
    reconciling(since=since).step()
    assert len(store.spool.keys()) == count


def test_an_instance_that_cannot_be_read_is_passed_over_and_tried_again(
    reconciling, orthanc, store, caplog
):
    """One file that was lost in Orthanc's storage stopped reconciliation for good."""
    names = [orthanc.add(radiograph(number)) for number in range(3)]
    orthanc.broken = {(names[1], "file")}
    reconciliation = reconciling(backfill=True, backoff=Backoff(first=0.0))
    assert reconciliation.step()
    assert len(store.spool.keys()) == 2
    assert f"Orthanc cannot give instance {names[1]}: status 500; passed over" in caplog.text
    assert store.queue.conditions.of("Orthanc").bad is None
    unreadable = UnreadableInstances(store.queue.database, Backoff())
    assert unreadable.counts() == (1, 0)
    orthanc.add(radiograph(7))
    assert reconciliation.step()
    orthanc.broken = set()
    assert reconciliation.step()
    assert len(store.spool.keys()) == 4
    assert unreadable.counts() == (0, 0)


def test_an_instance_that_stays_unreadable_is_given_up_until_someone_asks_for_it(
    reconciling, orthanc, store, caplog
):
    name = orthanc.add(radiograph(1))
    orthanc.broken = {(name, "file")}
    reconciliation = reconciling(backfill=True, backoff=Backoff(first=0.0))
    for _ in range(MOST_READS + 5):
        reconciliation.step()
    assert sum(path.endswith("/file") for path in orthanc.asked) == MOST_READS
    assert f"given up after {MOST_READS} attempts" in caplog.text
    unreadable = UnreadableInstances(store.queue.database, Backoff())
    assert unreadable.counts() == (0, 1)
    orthanc.broken = set()
    unreadable.retry_now()
    assert reconciliation.step()


def test_a_series_of_another_modality_is_asked_for_once(reconciling, orthanc):
    """Two thousand slices before a film took four questions each, and a connection for each."""
    for number in range(40):
        orthanc.add(
            radiograph(number, Modality="CT", SeriesInstanceUID="1.2.3", StudyInstanceUID="1.2")
        )
    orthanc.add(radiograph(99))
    reconciliation = reconciling(backfill=True)
    assert reconciliation.step()
    asked = [path for path in orthanc.asked if not path.startswith("/changes")]
    assert len(asked) == 2 + 4
    assert orthanc.connections == 1


def test_a_known_instance_that_orthanc_stores_anew_is_a_correction(
    reconciling, orthanc, store, caplog
):
    made = radiograph(1)
    store.receive(made.SOPInstanceUID, split_file(encoded(made)))
    corrected = radiograph(1, PatientID="RIGHT")
    orthanc.date = time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() + 300))
    orthanc.add(corrected)
    assert reconciling(backfill=True).step()
    assert "the image has changed under its SOP Instance UID" in caplog.text


def test_how_it_fares_is_noted_for_the_status(reconciling, orthanc, store):
    reconciling().step()
    known = store.queue.conditions.of("Orthanc")
    assert (known.bad, known.error) == (None, None)
    assert time.time() - known.good < 10
    orthanc.status = 401
    reconciling().step()
    known = store.queue.conditions.of("Orthanc")
    assert known.error == "status 401; check user and password"
    assert known.bad >= known.good


@pytest.mark.parametrize("status", [500, 401, 302])
def test_an_orthanc_that_does_not_answer_is_asked_again(reconciling, orthanc, store, status):
    orthanc.status = status
    assert not reconciling(backfill=True).step()
    orthanc.status = 200
    orthanc.add(radiograph(1))
    store.queue.conditions.retry_now()
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
        orthanc=Orthanc(orthanc.url, "alice", "secret", 0.0, Since.parse("0")),
    )
    reconciliation = Reconciliation(small, store)
    assert not reconciliation.step()
    reconciliation.close()
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
