"""The built wheel works anywhere: in an environment of its own, outside the checkout, in a folder with an odd name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ODD = "ein Ordner, größer"
Run = Callable[..., str]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked sdist, and in it what a user may have lying about and must not give away."""
    pytest.importorskip("hatchling", reason="make test installs the build backend")
    folder = tmp_path_factory.mktemp("source") / ODD
    build("sdist", ROOT, folder)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    (unpacked,) = folder.glob("dacl_edu-*/")
    for private in ("data/rafdb/me.jpg", "notebooks/runs/mine/result.json", "runs/mine/result.json", "data/faces/x.pt"):
        (unpacked / private).parent.mkdir(parents=True, exist_ok=True)
        (unpacked / private).write_text("private")
    return unpacked


@pytest.fixture(scope="module")
def wheel(source: Path) -> Path:
    build("wheel", source, source.parent)
    (found,) = source.parent.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def run(wheel: Path) -> Run:
    """Run a program of a fresh environment that has the wheel, in a fresh folder."""
    return installed(wheel.parent / "environment", str(wheel))


def build(target: str, folder: Path, out: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(out)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)


def installed(environment: Path, *what: str) -> Run:
    """Make an environment that sees this one's packages, but not its editable dacl-edu, and install something."""
    venv.create(environment, symlinks=os.name == "posix")
    programs = environment / ("bin" if os.name == "posix" else "Scripts")
    python, here = programs / "python", environment.parent / "home"
    here.mkdir(exist_ok=True)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHONPATH", "DACL_EDU"))}
    # What pip would put beside the program: nbgrader looks for alembic.
    clean["PATH"] = os.pathsep.join([str(programs), str(Path(sys.executable).parent), clean["PATH"]])

    def run(program: str, *words: str) -> str:
        command = [str(programs / program), *words]
        done = subprocess.run(command, cwd=here, env=clean, capture_output=True, text=True, timeout=1800)
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    folder = Path(run("python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    # A line of a .pth file adds a folder; .pth files in that folder are not read.
    (folder / "shared.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--no-build-isolation", *what], check=True, env=clean)
    return run


def where(run: Run) -> dict[str, str]:
    code = (
        "import json, dacl_edu, dacl_edu_course, dacl_edu_faces; from dacl_edu import paths; "
        "names = [m.__file__ for m in (dacl_edu, dacl_edu_course, dacl_edu_faces)]; "
        "print(json.dumps({'packages': names, 'home': str(paths.HOME), 'checkout': str(paths.CHECKOUT)}))"
    )
    return dict(json.loads(run("python", "-c", code)))


def test_the_wheel_holds_what_lessons_need_and_nothing_private(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    home = "dacl_edu/home/"
    for file in (
        *("dacl_edu/runs/folder.py", "dacl_edu/report/template/page.html", f"{home}data/faces/manifest.json"),
        *("dacl_edu_course/grading/template/feedback.html", f"{home}docs/equations.toml", f"{home}docs/errata.md"),
        *(f"{home}notebooks/00_start_here.ipynb", f"{home}notebooks/shipped/bundled-dacl-quick-seed0/result.json"),
        f"{home}notebooks/assignments/source/a1_center_loss/a1_center_loss.ipynb",
    ):
        assert file in names
    assert [name for name in names if "rafdb/" in name or "/mine/" in name or name.endswith(".pt")] == []
    tops = {name.partition("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"dacl_edu", "dacl_edu_course", "dacl_edu_faces"}


def test_the_installed_wheel_finds_its_own_files(run: Run, wheel: Path) -> None:
    found = where(run)
    environment = str(wheel.parent / "environment")
    assert found["checkout"] == "None" and found["home"].startswith(environment)
    assert all(file.startswith(environment) for file in found["packages"])
    code = (
        "from dacl_edu.data import load_dataset; from dacl_edu.lessons.ledger import ledger_table, load_ledger; "
        "from dacl_edu.runs.run import shipped_runs; "
        "print(len(load_dataset('bundled', 'val')), len(load_ledger()), len(shipped_runs())); "
        "print('](../tests' in ledger_table())"
    )
    assert run("python", "-c", code).split() == ["1050", "28", "9", "False"]


def test_demo(run: Run, wheel: Path) -> None:
    run("dacl-edu", "demo", "--profile", "smoke", "--seeds", "0", "--out", "runs/demo")
    out = wheel.parent / "home" / "runs" / "demo"
    assert (out / "report.html").stat().st_size > 100_000
    assert len((out / "results.csv").read_text().splitlines()) == 4


def test_lessons_of_the_copy_run_under_nbval_and_find_the_shipped_runs(run: Run, wheel: Path) -> None:
    run("python", "-c", "from dacl_edu.lessons.lab import copy_lessons; copy_lessons('lessons')")
    nbval = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-current-env")
    said = run("python", *nbval, "--nbval", "lessons/notebooks/02_center_loss.ipynb")
    assert " passed" in said
    said = run("python", *nbval, "--nbval-lax", "lessons/notebooks/10_results.ipynb")
    assert " passed" in said
    own = wheel.parent / "home" / "lessons"
    assert not (own / "runs").exists()  # 10 looked at the shipped runs and trained none


def test_course_release(run: Run, wheel: Path) -> None:
    said = run("dacl-edu", "course", "release", "a1")
    released = wheel.parent / "home" / "course" / "release" / "a1_center_loss" / "a1_center_loss.ipynb"
    assert "a1_center_loss.ipynb" in said
    original = ROOT / "notebooks/assignments/release/a1_center_loss/a1_center_loss.ipynb"
    assert released.read_bytes() == original.read_bytes()


def test_an_editable_install_finds_the_checkout_and_gives_way_to_pythonpath(source: Path) -> None:
    pytest.importorskip("editables", reason="make test installs it")
    run = installed(source.parent / "editable", "--editable", str(source))
    found = where(run)
    assert found["home"] == found["checkout"] == str(source)
    assert [Path(file).parent for file in found["packages"]] == [
        source / name for name in ("dacl_edu", "dacl_edu_course", "dacl_edu_faces")
    ]
    assert "release" in run("dacl-edu", "course", "--help")
    code = f"import sys; sys.path.insert(1, {str(ROOT)!r}); import dacl_edu; print(dacl_edu.__file__)"
    assert run("python", "-c", code).strip() == str(ROOT / "dacl_edu" / "__init__.py")
    assert run("python", "-c", "import importlib.util as u; print(u.find_spec('tools'))").strip() == "None"
