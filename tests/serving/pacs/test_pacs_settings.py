import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungscope.errors import LungscopeError
from lungscope.serving.pacs.settings import Backoff, Peer, Settings, Since, Target
from lungscope.serving.pacs.tls import Tls

TARGET = Target.parse("PACS@127.0.0.1:104")


@pytest.mark.parametrize(
    ("text", "peer"),
    [
        ("PACS@10.0.0.5:104", Peer("PACS", "10.0.0.5", 104)),
        ("MY PACS@pacs.example:11112", Peer("MY PACS", "pacs.example", 11112)),
        ("PACS@[::1]:104", Peer("PACS", "::1", 104)),
    ],
)
def test_a_peer_is_read_and_written(text, peer):
    assert Peer.parse(text) == peer
    assert str(peer) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "PACS", "PACS@host", "@host:104", "PACS@host:0", "PACS@host:65536", "PACS@:104"),
        *("SEVENTEEN LETTERS@host:104", "A\\B@host:104", "PACS@a:b:104", "PACS@host:104\n"),
    ],
)
def test_what_is_no_peer_is_refused(text):
    with pytest.raises(LungscopeError, match="give"):
        Peer.parse(text)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "::", "pacs.example"])  # noqa: S104
def test_a_node_open_to_the_network_needs_a_list(tmp_path, host):
    with pytest.raises(LungscopeError, match="accept-from"):
        Settings(tmp_path, (TARGET,), host=host)
    assert Settings(tmp_path, (TARGET,), host=host, accept_from=("ORTHANC",)).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_a_node_on_this_machine_needs_none(tmp_path, host):
    assert Settings(tmp_path, (TARGET,), host=host).accept_from == ()


def test_invalid_certificates_are_refused_in_one_line(tmp_path):
    (tmp_path / "a.pem").write_text("no certificate")
    with pytest.raises(LungscopeError, match=r"TLS.*cannot be used") as caught:
        Tls(tmp_path / "a.pem", tmp_path / "a.pem").server()
    assert "\n" not in str(caught.value)
    with pytest.raises(LungscopeError, match="cannot be used"):
        Tls(tmp_path / "none.pem", tmp_path / "none.pem").client()


def test_a_delay_doubles_up_to_the_longest():
    backoff = Backoff(first=5, longest=60)
    assert [backoff.delay(n, chance=lambda: 1.0) for n in (1, 2, 3, 4, 5, 6)] == [
        *(5, 10, 20, 40, 60, 60)
    ]


@given(st.integers(1, 10**6), st.floats(0, 1, exclude_max=True))
def test_a_delay_is_spread_and_never_over_the_longest(failures, chance):
    delay = Backoff(first=5, longest=60).delay(failures, lambda: chance)
    assert 2.5 <= delay <= 60


def test_two_nodes_do_not_come_back_at_once():
    backoff = Backoff()
    assert backoff.delay(4, lambda: 0.1) != pytest.approx(backoff.delay(4, lambda: 0.9))


def test_a_target_says_what_it_takes():
    assert Target.parse("PACS@10.0.0.5:104").takes == ("sr", "picture")
    assert Target.parse("RIS@[::1]:104=sr") == Target(Peer("RIS", "::1", 104), ("sr",))
    assert Target.parse("A=B@10.0.0.7:104").peer.ae_title == "A=B"
    assert Target.parse("VIEWER@10.0.0.7:104=picture").takes == ("picture",)


@pytest.mark.parametrize("text", ["PACS@host:104=", "PACS@host:104=pdf", "PACS=sr", "=sr"])
def test_what_no_target_takes_is_refused(text):
    with pytest.raises(LungscopeError, match="give AET@HOST:PORT"):
        Target.parse(text)


@pytest.mark.parametrize("targets", [(), (TARGET, Target(TARGET.peer, ("sr",)))])
def test_no_target_or_the_same_twice_is_refused(tmp_path, targets):
    with pytest.raises(LungscopeError, match="name at least one, and none of them twice"):
        Settings(tmp_path, targets)


@pytest.mark.parametrize("text", ["", "-1", "yesterday", "2026-13-01", "1e5", "9" * 30])
def test_what_is_neither_a_change_nor_a_time_is_refused(text):
    with pytest.raises(LungscopeError, match="give the number of a change"):
        Since.parse(text)
