"""Fixtures that several files share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is kept between starts is kept in a temporary folder that all test processes share."""
    os.environ["CLIPSTR_CACHE"] = str(tmp_path_factory.getbasetemp().parent / "clipstr-cache")


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the toy model of `toy`, as exported; not to be written to."""
    from toy import write_toy

    return write_toy(tmp_path_factory.mktemp("models") / "toy")


@pytest.fixture(scope="session")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The crops of `runs.write_bars`; not to be written to."""
    from runs import write_bars

    return write_bars(tmp_path_factory.mktemp("crops"))


@pytest.fixture(scope="session")
def sharp_toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy that has no doubt about what is spelled clearly."""
    import toy

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(toy, "SHARPNESS", 6.0)
        return toy.write_toy(tmp_path_factory.mktemp("sharp"))
