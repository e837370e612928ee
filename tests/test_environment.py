"""environment.yml and pyproject.toml name the same requirements; the lock file pins every one of them in range."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from dacl_edu import __version__

ROOT = Path(__file__).resolve().parents[1]
# conda-forge gives two packages other names than PyPI does.
CONDA_NAMES = {"pytorch": "torch", "python-kaleido": "kaleido"}


def pyproject() -> dict[str, dict]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def declared(*extras: str) -> dict[str, SpecifierSet]:
    project = pyproject()
    lines = project["dependencies"] + [line for extra in extras for line in project["optional-dependencies"][extra]]
    return {r.name: r.specifier for r in map(Requirement, lines)}


def conda() -> dict[str, SpecifierSet]:
    document = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert document["channels"] == ["conda-forge"]
    lines: list[str] = []
    for entry in document["dependencies"]:
        lines += [entry] if isinstance(entry, str) else entry["pip"]
    assert "--editable ." in lines
    found = {}
    for line in lines:
        if line in ("pip", "--editable ."):
            continue
        name, _, ranges = re.sub(r"\s+", "", line).partition(">=")
        found[CONDA_NAMES.get(name, name)] = SpecifierSet(f">={ranges}")
    return found


def locked() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def test_environment_yml_equals_pyproject() -> None:
    environment = conda()
    assert environment.pop("python") == SpecifierSet(pyproject()["requires-python"])
    # nbval is among the packages that a reader of the notebooks is promised, and a tool of the tests here.
    expected = declared("notebooks") | {"nbval": declared("dev")["nbval"]}
    assert environment == expected


@pytest.mark.parametrize("extras", [("notebooks", "course", "dev", "timm", "pml", "site")])
def test_the_lock_pins_every_requirement_within_its_range(extras: tuple[str, ...]) -> None:
    pins = locked()
    for name, allowed in declared(*extras).items():
        assert name in pins, f"{name} is not in requirements.lock: make lock"
        assert allowed.contains(pins[name]), f"{name}=={pins[name]} is outside {allowed}"


def test_the_lock_holds_pins_alone() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for line in text.splitlines()[1:]:
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][0-9A-Za-z.]*", line), line
    assert "://" not in text


def test_the_version_stands_in_one_place() -> None:
    assert "version" not in pyproject() and pyproject()["dynamic"] == ["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__, "CITATION.cff has another version than dacl_edu/__init__.py"


def test_torch_and_torchvision_fit_together() -> None:
    pins = locked()
    assert int(pins["torchvision"].split(".")[1]) == int(pins["torch"].split(".")[1]) + 15
