import os

import pytest

from lungscope.parallel import cpu_count


@pytest.fixture
def eight(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def test_without_a_limit_all_that_the_affinity_allows(eight, tmp_path):
    assert cpu_count(tmp_path) == 8


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("max 100000", 8), ("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1),
     ("1600000 100000", 8), ("nonsense", 8), ("", 8), ("100000 0", 8)],
)  # fmt: skip
def test_a_container_of_version_2_limits_them(eight, tmp_path, limit, expected):
    (tmp_path / "cpu.max").write_text(f"{limit}\n")
    assert cpu_count(tmp_path) == expected


@pytest.mark.parametrize(("quota", "expected"), [("-1", 8), ("300000", 3), ("10000", 1)])
def test_a_container_of_version_1_limits_them(eight, tmp_path, quota, expected):
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert cpu_count(tmp_path) == expected


def test_a_system_without_affinities_counts_its_processors(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cpu_count(tmp_path) == 1
