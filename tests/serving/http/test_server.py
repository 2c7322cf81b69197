"""The service as a process of its own: how it begins, how it ends, and what it leaves behind."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress

import httpx
import pytest
from http_service import form, head, png, received

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(os.name == "nt", reason="signals are those of Unix"),
]


@contextmanager
def process(model, *options, before=(), environment=None):
    """`lungscope serve` at any free port; yields (process, address) once it is ready."""
    command = [*before, sys.executable, "-m", "lungscope", "serve", "--port", "0", "--workers", "1"]
    started = subprocess.Popen(
        [*command, "--model", str(model), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | (environment or {}),
        start_new_session=True,
    )
    try:
        line = started.stdout.readline()
        assert line, started.stderr.read()
        yield started, ("127.0.0.1", int(re.search(r":(\d+)/", line)[1]))
    finally:
        with suppress(ProcessLookupError):  # all of them: one may trace the other
            os.killpg(started.pid, signal.SIGKILL)
        started.communicate(timeout=20)


def url(address) -> str:
    return f"http://{address[0]}:{address[1]}"


def predict(address, **options) -> httpx.Response:
    files = {"file": ("x.png", png())}
    return httpx.post(url(address) + "/v1/predictions", files=files, trust_env=False, **options)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_amid_a_request_ends_the_service_in_order_and_the_request_is_answered(
    exported_model, number
):
    body = form(png(size=3000))
    request = head(len(body)).replace(b"/predictions", b"/predictions?explain=true&preview=true")
    with process(exported_model) as (started, address):
        socks = [socket.create_connection(address) for _ in range(8)]
        for sock in socks:
            sock.sendall(request + body)
        time.sleep(0.15)
        started.send_signal(number)
        answers = [received(sock, 30) for sock in socks]
        for sock in socks:
            sock.close()
        out, err = started.communicate(timeout=30)
    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 200"] * 8
    assert all(answer.endswith(b'not for diagnosis."}') for answer in answers)
    assert started.returncode == 0
    assert out.splitlines()[-1] == "Stopped; all that was accepted is answered."
    assert err == ""


def test_after_a_signal_no_new_connection_is_taken(exported_model):
    with process(exported_model) as (started, address):
        started.send_signal(signal.SIGTERM)
        started.wait(20)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)


def test_clients_that_dawdle_do_not_hold_up_the_end(exported_model):
    with process(exported_model, "--timeout", "1") as (started, address):
        socks = [socket.create_connection(address) for _ in range(5)]
        for sock in socks[:3]:
            sock.sendall(head(1000) + b"--b0undary")
        time.sleep(0.3)
        started.send_signal(signal.SIGTERM)
        began = time.monotonic()
        started.communicate(timeout=30)
        assert time.monotonic() - began < 15
        assert started.returncode == 0
        for sock in socks:
            sock.close()


def written_files(trace: str) -> set[str]:
    """The files that were opened for writing, according to strace."""
    found = re.findall(r'open(?:at)?\([^"]*"([^"]+)", ([A-Z_|]+)', trace)
    return {name for name, flags in found if re.search("O_WRONLY|O_RDWR|O_CREAT", flags)}


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_nothing_is_written_to_a_disk_and_nobody_else_is_called(exported_model, tmp_path):
    trace = tmp_path / "trace"
    calls = "trace=open,openat,creat,mkdir,memfd_create,connect,sendto"
    before = ["strace", "-f", "-qq", "-e", calls, "-o", str(trace)]
    environment = {"PYTHONDONTWRITEBYTECODE": "1"}
    with process(exported_model, before=before, environment=environment) as (_, address):
        assert predict(address).status_code == 200
        files = {"file": ("big.png", bytes(20_000_000))}
        found = httpx.post(
            url(address) + "/v1/predictions", files=files, trust_env=False, timeout=60
        )
        assert found.status_code == 400
        text = trace.read_text()
    assert "model.onnx" in text  # that something was traced at all
    assert {name for name in written_files(text) if not name.startswith("/dev/")} == set()
    assert not re.search(r"memfd_create|mkdir\(|creat\(", text)
    assert not re.search(r"connect\(|sin_addr", text)


def test_on_a_disk_that_cannot_be_written_the_service_works(exported_model):
    environment = {"TMPDIR": "/nowhere", "HOME": "/nowhere", "PYTHONDONTWRITEBYTECODE": "1"}
    with process(exported_model, environment=environment) as (_, address):
        assert predict(address).status_code == 200


def test_the_audit_log_tells_each_answer_once_and_only_what_it_may(exported_model, tmp_path):
    file = tmp_path / "audit.jsonl"
    with process(exported_model, "--audit-log", str(file)) as (_, address):
        found = predict(address, headers={"X-Request-ID": "abc-1"}).json()["predictions"][0]
        predict(address)
        httpx.post(url(address) + "/v1/predictions", files={"file": b"?"}, trust_env=False)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["readable"] for line in lines] == [True, True, False]
    assert lines[0]["pixels_sha256"] == lines[1]["pixels_sha256"]
    assert set(lines[0]) == {
        "time",
        "request_id",
        "readable",
        "pixels_sha256",
        "model",
        "model_sha256",
        "predicted",
        "probabilities",
        "abstention",
        "warnings",
        "reason",
        "distance",
    }
    assert lines[0]["request_id"] == "abc-1"
    assert lines[0]["predicted"] == found["predicted"]
    assert set(lines[2]) == {"time", "request_id", "readable"}


def test_after_sighup_the_audit_log_is_opened_anew_and_the_service_goes_on(
    exported_model, tmp_path
):
    file = tmp_path / "audit.jsonl"
    with process(exported_model, "--audit-log", str(file)) as (started, address):
        predict(address)
        file.rename(tmp_path / "rotated")
        started.send_signal(signal.SIGHUP)
        assert predict(address).status_code == 200
        text = one_line(run("--model", exported_model, "--port", 0, "--audit-log", file))
        assert "another process writes this audit log" in text
    assert len(file.read_text().splitlines()) == len(
        (tmp_path / "rotated").read_text().splitlines()
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")  # noqa: PTH110
def test_an_answer_that_cannot_be_recorded_is_not_given(exported_model):
    with process(exported_model, "--audit-log", "/dev/full") as (_, address):
        assert httpx.get(url(address) + "/readyz", trust_env=False).status_code == 200
        found = predict(address)
        assert found.status_code == 503
        assert found.json()["type"] == "urn:lungscope:problem:audit-log"
        assert "predicted" not in found.text
        assert httpx.get(url(address) + "/readyz", trust_env=False).status_code == 503
        assert httpx.get(url(address) + "/healthz", trust_env=False).status_code == 200


def test_a_full_disk_leaves_no_half_line_and_the_service_goes_on_once_there_is_room(
    exported_model, tmp_path
):
    import resource

    file = tmp_path / "audit.jsonl"
    limit = ["sh", "-c", 'ulimit -S -f 2; exec "$@"', "sh"]  # 1 KiB, or 2 by some shells
    with process(exported_model, "--audit-log", str(file), before=limit) as (started, address):
        statuses = [predict(address).status_code for _ in range(8)]
        assert set(statuses) == {200, 503}
        resource.prlimit(started.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        assert predict(address).status_code == 200
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(lines) == statuses.count(200) + 1


def run(*options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "lungscope", "serve", *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def one_line(result: subprocess.CompletedProcess) -> str:
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    return result.stderr


def test_a_port_in_use_is_reported_in_one_line(exported_model):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        text = one_line(run("--model", exported_model, "--port", port))
    assert f"port {port} is in use; give another port" in text


def test_a_tampered_model_is_reported_in_one_line_and_nothing_is_answered(tampered):
    assert "SHA-256 differs" in one_line(run("--model", tampered, "--port", 0))


def test_an_address_elsewhere_without_a_token_is_reported_in_one_line(exported_model):
    assert "needs a token" in one_line(run("--model", exported_model, "--host", "0.0.0.0"))  # noqa: S104


def test_an_audit_log_that_cannot_be_opened_is_reported_in_one_line(exported_model, tmp_path):
    log = tmp_path / "nowhere" / "audit.jsonl"
    text = one_line(run("--model", exported_model, "--port", 0, "--audit-log", log))
    assert "No such file or directory" in text


def test_hundreds_of_requests_leave_the_memory_as_it_is(exported_model):
    def memory() -> int:
        with open(f"/proc/{started.pid}/statm") as file:  # noqa: PTH123
            return int(file.read().split()[1])

    if not os.path.exists("/proc/self/statm"):  # noqa: PTH110
        pytest.skip("there is no /proc")
    with process(exported_model) as (started, address):

        def ask(count: int) -> None:
            with httpx.Client(trust_env=False) as client:
                for _ in range(count):
                    client.post(url(address) + "/v1/predictions", files={"file": png()})

        ask(100)
        first = memory()
        threads = [threading.Thread(target=ask, args=(100,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert memory() < 1.1 * first
