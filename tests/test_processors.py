"""`clipstr.processors`: whoever can limit a process's processors is heeded."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from clipstr import processors
from clipstr.errors import InputError
from clipstr.processors import MOST_THREADS, peak_memory, threads_within, usable_processors


@pytest.fixture(autouse=True)
def eight(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with eight processors, on which nobody limits anything."""
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(processors, "_GROUPS_OF_SELF", tmp_path / "cgroup")
    monkeypatch.setattr(processors, "_GROUPS", tmp_path / "groups")


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_without_limits_it_is_the_machine() -> None:
    assert usable_processors() == 8


def test_the_affinity_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 6}, raising=False)
    assert usable_processors() == 3


@pytest.mark.parametrize(
    ("value", "usable"),
    [("2", 2), (" 3 ", 3), ("4,2", 4), ("100", 8), ("0", 8), ("-1", 8), ("", 8), ("x", 8)],
)
def test_omp_num_threads_limits(monkeypatch: pytest.MonkeyPatch, value: str, usable: int) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert usable_processors() == usable


@pytest.mark.parametrize(
    ("group", "path", "quota", "usable"),
    [
        ("0::/", "cpu.max", "200000 100000\n", 2),
        ("0::/", "cpu.max", "150000 100000\n", 2),
        ("0::/", "cpu.max", "10000 100000\n", 1),
        ("0::/", "cpu.max", "max 100000\n", 8),
        ("0::/", "cpu.max", "nonsense", 8),
        ("0::/a/b", "a/b/cpu.max", "300000 100000\n", 3),
        ("0::/a/b", "a/cpu.max", "300000 100000\n", 3),  # of a group above
        ("0::/seen/from/outside", "cpu.max", "300000 100000\n", 3),  # as containers see it
        ("0::/a", "unified/a/cpu.max", "300000 100000\n", 3),
    ],
)
def test_the_quota_of_a_container_limits(
    tmp_path: Path, group: str, path: str, quota: str, usable: int
) -> None:
    write(tmp_path / "cgroup", group + "\n")
    write(tmp_path / "groups" / path, quota)
    assert usable_processors() == usable


@pytest.mark.parametrize(("quota", "usable"), [("250000", 3), ("-1", 8)])
def test_the_quota_of_an_older_container_limits(tmp_path: Path, quota: str, usable: int) -> None:
    write(tmp_path / "cgroup", "5:memory:/box\n4:cpu,cpuacct:/box\n0::/box\n")
    write(tmp_path / "groups/cpu,cpuacct/box/cpu.cfs_quota_us", quota + "\n")
    write(tmp_path / "groups/cpu,cpuacct/box/cpu.cfs_period_us", "100000\n")
    assert usable_processors() == usable


def test_the_tightest_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "cgroup", "0::/a/b\n")
    write(tmp_path / "groups/a/cpu.max", "200000 100000")
    write(tmp_path / "groups/a/b/cpu.max", "500000 100000")
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert usable_processors() == 2


@pytest.mark.parametrize("threads", [None, 0])
def test_none_and_0_stand_for_as_many_as_are_useful(threads: int | None) -> None:
    assert threads_within(threads) == 8


def test_too_many_threads_are_cut_and_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "clipstr"):
        assert threads_within(3) == 3
        assert caplog.text == ""
        assert threads_within(200, "workers") == 8
    assert "workers is 200, but this process may use 8 processors" in caplog.text


@pytest.mark.parametrize("threads", [-1, 1.0, "2", True, MOST_THREADS + 1])
def test_what_is_no_number_of_threads_is_refused_by_name(threads: object) -> None:
    with pytest.raises(InputError, match=r"^workers is .*; it must be a whole number from 0"):
        threads_within(threads, "workers")  # type: ignore[arg-type]


PEAK = "from clipstr.processors import peak_memory; held = bytearray(b'x') * (64 << 20); print(peak_memory())"


def test_the_most_memory_is_the_processs_own_and_not_that_of_whoever_started_it() -> None:
    held = bytearray(b"x") * (400 << 20)
    assert peak_memory() > len(held)
    del held
    said = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True).stdout
    assert 64 << 20 < int(said) < 300 << 20
