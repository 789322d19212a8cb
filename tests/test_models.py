"""`clipstr.models`: names, configs, checksums, and clear words where they are wrong."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from clipstr.charset import Charset
from clipstr.errors import ModelFileError, ModelNotFoundError
from clipstr.form import Preprocessing, WordForm
from clipstr.models import DEFAULT_MODEL, ModelConfig, embedded_models, find_model, installed_models
from configs import signed

CONFIG = ModelConfig(
    name="a name",
    form=WordForm(
        charset=Charset("abcß漢"),
        max_length=7,
        preprocessing=Preprocessing(height=16, width=48, mean=0.4, deviation=0.3),
    ),
    architecture={"width": 8, "stem": "patch"},
    source={"recipe": {"steps": 3}, "trained": "here"},
)
FORM = CONFIG.form.to_dict()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "weights.bin").write_bytes(b"some weights")
    CONFIG.with_files(tmp_path, ["weights.bin"]).save(tmp_path)
    return tmp_path


def write_signed(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(signed(values)), encoding="utf-8")


def changed(folder: Path, **values: Any) -> None:
    path = folder / "config.json"
    write_signed(path, json.loads(path.read_text(encoding="utf-8")) | values)


def test_a_config_comes_back_as_it_was_saved(folder: Path) -> None:
    loaded = ModelConfig.load(folder)
    assert loaded == CONFIG.with_files(folder, ["weights.bin"])
    assert loaded.files["weights.bin"].bytes == 12
    assert not list(folder.glob("*.new"))


def test_a_file_is_handed_out_if_its_checksum_is_right(folder: Path) -> None:
    assert ModelConfig.load(folder).verified(folder, "weights.bin") == b"some weights"


@pytest.mark.parametrize("content", [b"Some weights", b"some weights!", b""])
def test_a_damaged_file_is_refused(folder: Path, content: bytes) -> None:
    (folder / "weights.bin").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"weights\.bin: damaged"):
        ModelConfig.load(folder).verified(folder, "weights.bin")


def test_a_missing_file_and_one_that_the_config_does_not_name_are_refused(folder: Path) -> None:
    with pytest.raises(ModelFileError, match=r"has no encoder\.onnx; its files: weights\.bin"):
        ModelConfig.load(folder).verified(folder, "encoder.onnx")
    (folder / "weights.bin").unlink()
    with pytest.raises(ModelFileError, match="cannot be read"):
        ModelConfig.load(folder).verified(folder, "weights.bin")


@pytest.mark.parametrize(
    "values",
    [
        {"format": "clipstr-model/4"},
        {"format": None},
        {"form": None},
        {"form": {"characters": "abc", "max_length": 5}},
        {"form": FORM | {"characters": "aa"}},
        {"form": FORM | {"characters": 5}},
        {"form": FORM | {"max_length": "long"}},
        {"form": FORM | {"max_length": 2.5}},
        {"form": FORM | {"language": "en"}},
        {"form": FORM | {"preprocessing": {"height": 0}}},
        {"form": FORM | {"preprocessing": FORM["preprocessing"] | {"height": 0}}},
        {"form": FORM | {"preprocessing": FORM["preprocessing"] | {"depth": 3}}},
        {"form": FORM | {"preprocessing": FORM["preprocessing"] | {"deviation": "half"}}},
        {"files": ["encoder.onnx"]},
        {"files": {"encoder.onnx": {"sha256": "0"}}},
        {"files": {"encoder.onnx": {"sha256": 0, "bytes": 1}}},
        {"files": {"encoder.onnx": {"sha256": "0", "bytes": "1"}}},
        {"files": {"encoder.onnx": {"sha256": "0", "bytes": -2}}},
        {"source": None},
        {"charset": "abcd"},
    ],
    ids=str,
)
def test_a_config_with_a_wrong_value_is_refused_and_named(folder: Path, values: dict[str, Any]) -> None:
    changed(folder, **values)
    with pytest.raises(ModelFileError, match=r"config\.json: (?!.*sha256 is not)"):
        ModelConfig.load(folder)


@pytest.mark.parametrize("content", ["", "{", "[1]", "\udcff", "[" * 100_000], ids=range(5))
def test_what_is_no_config_is_refused(folder: Path, content: str) -> None:
    (folder / "config.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ModelFileError, match=r"config\.json"):
        ModelConfig.load(folder)


def test_a_value_that_is_missing_is_told(folder: Path) -> None:
    path = folder / "config.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    del values["form"]["max_length"]
    write_signed(path, values)
    with pytest.raises(ModelFileError, match=r"has characters, max_length, preprocessing, and not \["):
        ModelConfig.load(folder)


def test_the_form_stands_in_a_config_once(folder: Path) -> None:
    values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert values["form"] == FORM
    assert (folder / "config.json").read_text(encoding="utf-8").count("max_length") == 1


def test_a_config_says_its_own_checksum_so_that_it_cannot_become_another_one(folder: Path) -> None:
    path = folder / "config.json"
    plain = path.read_text(encoding="utf-8")
    path.write_text(json.dumps(json.loads(plain), indent=None), encoding="utf-8")  # the same
    assert ModelConfig.load(folder) == CONFIG.with_files(folder, ["weights.bin"])
    for old, new in (('"abcß漢"', '"abcß国"'), ("0.4", "0.5"), ('"sha256": "', '"sha256": "f')):
        assert old in plain
        path.write_text(plain.replace(old, new), encoding="utf-8")
        with pytest.raises(ModelFileError, match=r"config\.json: .*sha256 is not that of what it says"):
            ModelConfig.load(folder)
    unsigned = {name: value for name, value in json.loads(plain).items() if name != "sha256"}
    path.write_text(json.dumps(unsigned), encoding="utf-8")
    with pytest.raises(ModelFileError, match="sha256"):
        ModelConfig.load(folder)


def test_a_config_of_the_second_format_had_no_checksum_of_its_own_and_is_read(folder: Path) -> None:
    path = folder / "config.json"
    values = json.loads(path.read_text(encoding="utf-8")) | {"format": "clipstr-model/2"}
    path.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ModelFileError, match="it has sha256"):
        ModelConfig.load(folder)
    del values["sha256"]
    path.write_text(json.dumps(values), encoding="utf-8")
    assert ModelConfig.load(folder) == CONFIG.with_files(folder, ["weights.bin"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_pipes_and_devices_in_the_place_of_a_models_files_are_refused_and_not_waited_for(
    folder: Path,
) -> None:
    config = ModelConfig.load(folder)
    (folder / "weights.bin").unlink()
    os.mkfifo(folder / "weights.bin")
    with pytest.raises(ModelFileError, match="no regular file"):
        config.verified(folder, "weights.bin")
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to("/dev/zero")
    with pytest.raises(ModelFileError, match="no regular file"):
        ModelConfig.load(folder)


FIRST = {
    "format": "clipstr-model/1",
    "charset": FORM["characters"],
    "max_length": 7,
    "preprocessing": FORM["preprocessing"],
    "architecture": {"characters": FORM["characters"], "max_length": 7, "image_height": 16, "image_width": 48}
    | CONFIG.architecture,
}


def first(folder: Path, architecture: dict[str, Any]) -> None:
    """Makes the config in ``folder`` one of the first format."""
    path = folder / "config.json"
    values = json.loads(path.read_text(encoding="utf-8")) | FIRST | {"architecture": architecture}
    del values["form"], values["sha256"]
    path.write_text(json.dumps(values), encoding="utf-8")


@pytest.mark.parametrize("architecture", [FIRST["architecture"], CONFIG.architecture])
def test_a_config_of_the_first_format_is_read_as_it_was_meant(
    folder: Path, architecture: dict[str, Any]
) -> None:
    first(folder, architecture)
    assert ModelConfig.load(folder) == CONFIG.with_files(folder, ["weights.bin"])


@pytest.mark.parametrize(
    "copy", [{"characters": "abcß国"}, {"max_length": 8}, {"image_height": 32}, {"image_width": 47}], ids=str
)
def test_a_config_of_the_first_format_that_contradicts_itself_is_refused(
    folder: Path, copy: dict[str, Any]
) -> None:
    first(folder, FIRST["architecture"] | copy)
    (name,) = copy
    with pytest.raises(ModelFileError, match=f"contradicts itself: its architecture has {name}"):
        ModelConfig.load(folder)


def test_a_model_is_found_by_its_folder_or_its_embedded_name(folder: Path) -> None:
    assert find_model(folder) == find_model(str(folder)) == folder
    for name, place in embedded_models().items():
        assert find_model(name) == place
        assert ModelConfig.load(place).name == name


def test_an_unknown_model_is_an_error_that_lists_the_embedded_ones(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=DEFAULT_MODEL):
        find_model("huge")
    with pytest.raises(ModelNotFoundError, match=r"config\.json"):
        find_model(tmp_path)
    with pytest.raises(ModelNotFoundError, match=r"config\.json"):
        ModelConfig.load(tmp_path)


def test_a_model_in_a_package_of_its_own_is_found_by_its_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    shutil.copytree(folder, site / "clipstr_large", ignore=shutil.ignore_patterns("site"))
    (site / "clipstr_large" / "__init__.py").write_text("raise RuntimeError('nothing of it is run')")
    (site / "clipstr_large-1.dist-info").mkdir()
    points = "[clipstr.models]\nlarge = clipstr_large\ngone = clipstr_not_there\ntiny = clipstr_large\n"
    (site / "clipstr_large-1.dist-info" / "entry_points.txt").write_text(points)
    (site / "clipstr_large-1.dist-info" / "METADATA").write_text("Name: clipstr-large\nVersion: 1\n")
    monkeypatch.syspath_prepend(site)
    assert find_model("large") == site / "clipstr_large"
    assert set(installed_models()) == {"large", *embedded_models()}
    assert installed_models()["tiny"] == find_model("tiny") == embedded_models()["tiny"]
    with pytest.raises(ModelNotFoundError, match="an installed one"):
        find_model("gone")
