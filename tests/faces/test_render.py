"""Rendering: the same bytes again, folders that the folder reader reads, runs that go on, errors with a hint."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from dacl_edu.data.registry import load_dataset
from dacl_edu.errors import UserError
from dacl_edu_faces import extra
from dacl_edu_faces.cli import app
from dacl_edu_faces.generate import RenderJob, render_set

rendering = pytest.mark.skipif(not extra.available(), reason="needs pip install 'dacl-edu[faces]'")


def invoke(*words):
    return CliRunner().invoke(app, ["render", *map(str, words)])


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize(
    ("options", "message"),
    [(("--count", 3), "at least 7"), (("--size", 4), "16 to 1024"), (("--wildness", 2), "from 0"),
     (("--seed", -1), "--seed"), (("--format", "gif"), "jpg or png"), (("--factors", "yawn=1"), "did you mean 'yaw'"),
     (("--processes", 0), "at least 1")],
)  # fmt: skip
def test_wrong_options_are_refused(tmp_path, options, message):
    result = invoke("--out", tmp_path / "set", *options)
    assert isinstance(result.exception, UserError) and message in str(result.exception)
    assert not (tmp_path / "set").exists()


def test_a_missing_extra_is_said_with_its_mend(tmp_path, monkeypatch):
    def gone(name):
        raise ImportError(f"No module named {name!r}")

    from dacl_edu_faces import head

    head.load_head.cache_clear()
    monkeypatch.setattr(extra.importlib, "import_module", gone)
    with pytest.raises(UserError, match=r"dacl-edu\[faces\]"):
        render_set(RenderJob(7, 16), tmp_path / "set")
    head.load_head.cache_clear()


@rendering
@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_in_any_number_of_processes(tmp_path):
    job = RenderJob(20, 24, seed=5, wildness=1.0)
    assert render_set(job, tmp_path / "one") == 20
    assert render_set(job, tmp_path / "two", processes=2) == 20
    one = files(tmp_path / "one")
    assert one == files(tmp_path / "two")
    assert sum(name.endswith(".jpg") for name in one) == 20
    render_set(RenderJob(20, 24, seed=6, wildness=1.0), tmp_path / "other")
    assert not set(one.values()) & {v for k, v in files(tmp_path / "other").items() if k.endswith(".jpg")}


@rendering
@pytest.mark.slow
def test_a_set_is_read_as_a_folder_and_an_interrupted_one_is_finished(tmp_path):
    out = tmp_path / "set"
    options = ("--out", out, "--count", 21, "--size", 24, "--seed", 2, "--factors", "yaw=0,occlusion=none")
    result = invoke(*options)
    assert result.exit_code == 0, result.output
    before = files(out)
    train = load_dataset("folder", "train", out)
    with (out / "factors.csv").open(newline="") as table:
        rows = {row["file"]: row for row in csv.DictReader(table)}
    assert len(rows) == 21 and set(train.ids) <= set(rows)
    assert [rows[i]["label"] for i in train.ids] == [train.classes[k] for k in train.labels]
    assert all(float(row["yaw"]) == 0 and row["occlusion"] == "none" for row in rows.values())

    lost = next(out.rglob("*.jpg"))
    lost.unlink()
    (out / "factors.csv").unlink()
    assert "1 images rendered, 20 were there" in invoke(*options).output
    assert files(out) == before


@rendering
def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(UserError, match="not empty"):
        render_set(RenderJob(7, 16), tmp_path)
    other = tmp_path / "set"
    other.mkdir()
    (other / "render.json").write_text(json.dumps({"count": 7, "seed": 1}))
    with pytest.raises(UserError, match=r"another .*size"):
        render_set(RenderJob(7, 16), other)


@rendering
def test_units_and_factors_show_where_they_should():
    from dacl_edu_faces import FaceFactors, render_face

    still = FaceFactors(jpeg_quality=100)
    plain = render_face(still, 48).astype(int)
    assert (render_face(still, 48) == plain).all()

    def change(**factors):
        difference = np.abs(render_face(FaceFactors(jpeg_quality=100, **factors), 48).astype(int) - plain).sum(2)
        return difference[:22].sum(), difference[28:].sum()  # brows and eyes; mouth and chin

    brows, mouth = change(au1=1.0, au2=1.0, au5=1.0)
    assert brows > mouth
    brows, mouth = change(au27=1.0)
    assert mouth > brows
    assert render_face(FaceFactors(grey=1, jpeg_quality=100), 32).std(axis=2).max() == 0


@rendering
@pytest.mark.parametrize("factors", [
    {"hair_style": style} for style in ("bald", "fringe", "long", "afro", "cap", "hijab")
] + [{"glasses": "dark"}, {"occlusion": "hand"}, {"occlusion": "mask"}, {"occlusion": "scarf"}, {"occlusion": "object"},
     {"occlusion": "strand"}, {"facial_hair": "beard"}, {"yaw": 70.0}, {"age": 0.25}, {"distance": 0.3}])  # fmt: skip
def test_every_kind_of_thing_changes_the_picture(factors):
    from dacl_edu_faces import FaceFactors, render_face

    picture = render_face(FaceFactors(**factors), 32)
    assert picture.shape == (32, 32, 3) and picture.std() > 10
    assert not (picture == render_face(FaceFactors(), 32)).all()


@rendering
def test_the_shipped_pictures_come_from_this_generator():
    from dacl_edu import paths
    from dacl_edu_faces import pack
    from dacl_edu_faces.dataset_plan import plan_labels
    from dacl_edu_faces.versions import versions

    made_by = json.loads((paths.bundled_faces() / "manifest.json").read_text())["versions"]
    if made_by != versions():
        pytest.skip(f"the shipped set was made with {made_by}")
    labels = plan_labels("val", pack.SIZES["val"], pack.SEED)
    with np.load(paths.bundled_faces() / "val.npz") as arrays:
        stream, offsets = arrays["jpeg"].tobytes(), arrays["offsets"]
    for row in (0, 500, 1049):
        again = pack.encode(("val", row, int(labels[row]), pack.SIZES["val"], pack.WILDNESS))
        a, b = (np.asarray(Image.open(io.BytesIO(j)), int) for j in (again, stream[offsets[row] : offsets[row + 1]]))
        # To the byte on the processor that made them; another one's vector units may round a ray otherwise.
        assert np.abs(a - b).mean() < 2
