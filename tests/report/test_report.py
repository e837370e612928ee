"""The report: every section is there, says what it should, and a damaged run gives a sentence and no traceback."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from report.made import change_predictions, make_run
from typer.testing import CliRunner

from dacl_edu import paths
from dacl_edu.cli import app
from dacl_edu.errors import UserError
from dacl_edu.evaluation import embedding
from dacl_edu.plots.style import GREY
from dacl_edu.report import write_report
from dacl_edu.report.blocks import Drawing, Note, Section
from dacl_edu.report.gather import comparable_groups, gather
from dacl_edu.report.page import render
from dacl_edu.report.results import environment_section, results_section
from dacl_edu.report.tables import Table
from dacl_edu.report.write import make_sections, write_pictures
from dacl_edu.runs.comparison import compare_configurations
from dacl_edu.runs.run import read_run

SECTIONS = [
    "settings", "results", "training", "confusion", "classes", "calibration", "groups", "samples", "embedding",
    "geometry", "attention", "gradient", "environment",
]  # fmt: skip


@pytest.fixture(autouse=True)
def without_umap(monkeypatch: pytest.MonkeyPatch) -> None:
    """umap takes 15 s to compile itself; the browser test uses it."""
    find = embedding.importlib.util.find_spec
    monkeypatch.setattr(embedding.importlib.util, "find_spec", lambda name: None if name == "umap" else find(name))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for method, seed in (("dacl", 0), ("softmax", 0), ("softmax", 1), ("center", 0)):
        make_run(folder / "several" / f"{method}{seed}", method, seed, limit=70)
    return folder


def sections_of(*folders: Path) -> dict[str, Section]:
    made, _, lead = make_sections(list(folders), "dacl-edu report", lambda step: None, None)
    assert ": this ranks nothing." in lead[0] or "there is nothing to compare." in lead[0]
    return {section.anchor: section for section in made}


@pytest.fixture(scope="module")
def whole(runs: Path) -> dict[str, Section]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            embedding, "_umap", lambda arrays, start, dimensions, **options: embedding._pca(arrays, dimensions)
        )
        return sections_of(runs)


@pytest.fixture(scope="module")
def written(whole: dict[str, Section]) -> str:
    return render(list(whole.values()), "a title", ["how far it ran"])


def said(section: Section) -> str:
    return " | ".join(block.text for block in section.blocks if isinstance(block, Note))


def titles(section: Section) -> list[str]:
    return [drawing.figure.layout.title.text for drawing in section.drawings()]


def table(section: Section, words: str) -> Table:
    return next(block for block in section.blocks if isinstance(block, Table) and words in block.caption)


class Page(HTMLParser):
    """Which elements a page has, with their attributes, and what stands in its script elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: dict[str, str] = {}
        self.inside: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))
        self.inside = dict(attributes).get("id") if tag == "script" else None

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.scripts[self.inside] = self.scripts.get(self.inside, "") + data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def test_every_section_has_its_figures_and_says_what_to_see(whole: dict[str, Section]) -> None:
    assert list(whole) == SECTIONS
    counts = {anchor: len(section.drawings()) for anchor, section in whole.items()}
    assert counts == {
        "settings": 0, "results": 1, "training": 1, "confusion": 1, "classes": 1, "calibration": 1, "groups": 0,
        "samples": 3, "embedding": 5, "geometry": 2, "attention": 5, "gradient": 1, "environment": 0,
    }  # fmt: skip
    for section in whole.values():
        assert "See " in section.intro, f"{section.anchor} does not say what to see"
        assert "could not be drawn" not in said(section)
        for drawing in section.drawings():
            assert len(drawing.figure.layout.meta["alt"]) > 40 and drawing.figure.layout.title.text
            assert len(drawing.caption) > 20


def test_methods_stand_beside_the_paper_with_what_may_be_compared(whole: dict[str, Section]) -> None:
    section = whole["results"]
    rows = {row[0]: row for row in table(section, "Here:").rows}
    assert list(rows) == ["softmax", "center", "dacl"]
    assert rows["softmax"][1] == "2" and "±" in rows["softmax"][2] and "±" not in rows["dacl"][2]
    assert rows["dacl"][4:] == ["DACL", "87.78", "80.44", "65.20"]
    assert "must not be set against" in said(section) and "limit" in said(section)
    assert [row[0] for row in table(section, "Pairs").rows] == ["softmax − center", "softmax − dacl", "center − dacl"]
    assert len(table(section, "Table 1 of the paper").rows) == 13


def test_a_small_experiment_stands_beside_the_full_one_and_single_seeds_are_grey(whole: dict[str, Section]) -> None:
    section = whole["results"]
    beside = table(section, "the full experiment")
    assert "images of each split" in beside.columns[1]
    assert beside.columns[2] == "All 28 epochs, three seeds, accuracy, %"
    assert [row[2] for row in beside.rows] == ["82.81 ± 0.31", "81.71 ± 0.14", "82.30 ± 0.36"]
    assert "Which of the two do you believe" in said(section)
    part = re.search("in its part “(.*)”", said(section))
    lesson = (Path(__file__).parents[2] / "notebooks" / "10_results.py").read_text(encoding="utf-8")
    assert part is not None and f"\n# ## {part[1]}\n" in lesson
    figure = section.drawings()[0].figure
    grey = [trace.y[0] for trace in figure.data if trace.marker.color == GREY]
    assert grey == ["center<br>one seed: images only", "dacl<br>one seed: images only"]
    assert not [b for b in section.blocks if isinstance(b, Table) and "over seeds: " in b.caption], "one has two seeds"


def test_values_of_a_setting_are_rows_beside_the_full_experiment(tmp_path: Path) -> None:
    for lam in (0.01, 1.0):
        make_run(tmp_path / str(lam), "dacl", limit=70, lam=lam)
    beside = table(sections_of(tmp_path)["results"], "the full experiment")
    assert [row[0] for row in beside.rows] == ["softmax", "center", "dacl", "dacl, lam 0.01", "dacl, lam 1.0"]
    assert beside.rows[2][1] == "–" and "±" not in beside.rows[3][1] + beside.rows[4][1]


def test_a_limit_that_left_nothing_out_is_not_spoken_of(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", limit=70)
    change_predictions(run, slice(0, 40))
    result = json.loads((run / "result.json").read_text()) | {"train_images": 60}
    (run / "result.json").write_text(json.dumps(result))
    sections = sections_of(run)
    assert "some of the images" not in said(sections["results"]) + said(sections["groups"])
    assert table(sections["groups"], "By skin tone").rows


def test_intervals_of_few_seeds_are_cut_and_those_without_spread_not_known(tmp_path: Path) -> None:
    right = {"softmax": (5, 65), "center": (60, 60), "dacl": (60, 30)}
    for method, numbers in right.items():
        for seed, number in enumerate(numbers):
            run = make_run(tmp_path / f"{method}{seed}", method, seed, limit=70)
            labels = torch.from_numpy(np.load(run / "predictions.npz")["labels"])
            answers = torch.where(torch.arange(70) < number, labels, (labels + 1) % 7)
            change_predictions(run, slice(None), logits=torch.eye(7)[answers])
    section = sections_of(tmp_path)["results"]
    figure = section.drawings()[0].figure
    softmax, center, _ = figure.data[:3]
    bar = softmax.error_x
    assert (softmax.x[0] - bar.arrayminus[0], softmax.x[0] + bar.array[0]) == pytest.approx((0, 100))
    assert center.error_x.array is None and "interval not known" in center.hovertemplate
    assert figure.layout.xaxis.autorangeoptions.clipmax == 102
    pairs = table(section, "over seeds: ").rows
    assert [row[2] for row in pairs] == ["−100.00 to +100.00"] * 3
    between = {row[0]: row[2] for row in table(section, "lowest seed").rows}
    assert between["center − dacl"] == "not known" and " to " in between["softmax − dacl"]


def test_pairs_over_seeds_are_the_comparison_of_methods() -> None:
    section = results_section(comparable_groups(gather([paths.shipped_runs()])[0]))
    rows = {row[0]: row for row in table(section, "over seeds: ").rows}
    assert "dacl-edu compare takes images as draws too" in said(section)
    assert rows["softmax − center"] == ["softmax − center", "+1.10", "−0.03 to +2.22", "3", "0.053"]
    assert not any(isinstance(block, Table) and "full experiment" in block.caption for block in section.blocks)


def test_results_on_the_papers_images_may_be_compared(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", limit=70)
    values = json.loads((run / "config.json").read_text()) | {"limit": None, "data": "rafdb", "select_by": "test"}
    (run / "config.json").write_text(json.dumps(values))
    result = json.loads((run / "result.json").read_text()) | {"dataset": "rafdb", "images": 3068}
    (run / "result.json").write_text(json.dumps(result))
    sections = sections_of(run)
    words = said(sections["results"])
    assert "the images of Table 1" in words and "too high" in words and "must not" not in words
    assert "The sample faces is not shown" in said(sections["samples"])  # rafdb is not on this machine


def test_settings_are_those_in_common_and_those_that_differ(runs: Path, tmp_path: Path) -> None:
    section = sections_of(runs, make_run(tmp_path / "other", "dacl", 0, limit=70, lam=0.5))["settings"]
    different = table(section, "differ")
    assert different.columns == ["run", "method", "seed", "λ"]
    assert [row[0] for row in different.rows] == [
        "softmax, seed 0", "softmax, seed 1", "center", "dacl, lam 0.01", "dacl, lam 0.5",
    ]  # fmt: skip
    assert ["batch size", "32"] in table(section, "share").rows


def test_runs_that_cannot_be_compared_are_kept_apart(runs: Path, tmp_path: Path) -> None:
    change_predictions(make_run(tmp_path / "few", "dacl", limit=70), slice(0, 40))
    sections = sections_of(runs, tmp_path)
    assert len(sections["confusion"].drawings()) == 2
    assert "40 images" in sections["confusion"].drawings()[1].caption


def test_the_page_stands_alone(written: str) -> None:
    page = Page(written)
    assert len(written.encode()) < 8_000_000
    assert written.index("how far it ran") < written.index("<h2"), "said before any number"
    assert not [
        a
        for tag, a in page.found
        if tag in ("link", "img", "iframe") and not (a.get("href") or a.get("src") or "").startswith("data:")
    ]
    assert not [a for a in page.all("script") if "src" in a], "plotly.js is inside"
    assert len(re.findall(r"\* plotly\.js v", written)) == 1
    assert [a["href"] for a in page.all("a") if a.get("href") in {f"#{s}" for s in SECTIONS}] == [
        f"#{s}" for s in SECTIONS
    ]
    plots = [a for a in page.all("div") if a.get("class") == "plot"]
    assert len(plots) == 18 and all(len(a["aria-label"] or "") > 40 for a in plots)
    headings = [tag for tag, _ in page.found if re.fullmatch("h[1-6]", tag)]
    assert [tag for tag in headings if tag < "h3"] == ["h1"] + ["h2"] * len(SECTIONS)
    assert headings.count("h3") == 18 + 3, "each figure has its title; sheets of faces are figures too"


def test_figures_on_the_page_hold_their_data_and_each_face_once(written: str) -> None:
    page = Page(written)
    confusion = json.loads(page.scripts["data-2"])
    assert [trace["type"] for trace in confusion["data"]] == ["heatmap"] * 3
    faces, places = json.loads(page.scripts["faces"]), set()
    for name, script in page.scripts.items():
        if name.startswith("data-"):
            places |= set(re.findall(r"@face:(\d+)", script))
            assert "template" not in json.loads(script)["layout"]
    assert len(faces) == len(places) == 70 and len(set(faces)) == 70


def test_names_cannot_break_the_page(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", limit=70)
    found = json.loads((run / "environment.json").read_text()) | {"command": ["<script>alert(1)</script>", "&"]}
    (run / "environment.json").write_text(json.dumps(found))
    result = json.loads((run / "result.json").read_text())
    result["classes"][0] = "</script><b>surprise"
    (run / "result.json").write_text(json.dumps(result))
    text = write_report([run], tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in text and "<b>surprise" not in text
    assert json.loads(Page(text).scripts["data-2"])["data"][0]["x"][0] == "</script><b>surprise"


def test_a_single_run_without_snapshots_says_what_is_missing(tmp_path: Path) -> None:
    sections = sections_of(make_run(tmp_path / "run", "softmax", snapshots=0, limit=70))
    assert "No pair of methods" in said(sections["results"])
    assert "no run kept snapshots" in said(sections["embedding"])
    assert "weighs all dimensions alike" in said(sections["attention"]) and not sections["attention"].drawings()


def test_an_unfinished_run_still_has_curves(runs: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", "dacl", 7, limit=70)
    for name in ("result.json", "predictions.npz", "environment.json"):
        (run / name).unlink()
    alone = sections_of(run)
    assert "has not finished" in said(alone["settings"]) and titles(alone["training"]) == ["Training on bundled"]
    assert said(alone["results"]) == "No run has finished, so there is no result yet."
    assert "dacl-edu train --preset smoke --method dacl --seed 7 --limit 70" in str(alone["environment"].blocks[0])
    with_others = sections_of(runs, run)
    assert len(with_others["confusion"].drawings()[0].figure.data) == 3


@pytest.mark.parametrize(
    ("changes", "module", "words"),
    [
        ({"method": "my_own"}, None, "my_own is a loss of someone's own, and its run does not say which module"),
        ({"method": "my_own"}, "__main__", "my_own was registered in a notebook or script"),
        ({"method": "my_own"}, "my_losses", ""),
        ({"method": "my_losses:MyOwn"}, "", ""),
        ({"data": "parity"}, "", "parity is a data set of someone's own"),
        ({}, None, ""),
    ],
)
def test_a_command_that_is_not_enough_is_said_to_be(
    changes: dict[str, str], module: str | None, words: str, tmp_path: Path
) -> None:
    run = replace(read_run(make_run(tmp_path / "run", limit=70)), environment={"loss_module": module})
    run = replace(run, config=run.config.model_copy(update=changes), name="it")
    section = environment_section([run], "dacl-edu report")
    assert said(section).startswith(words or "This page was made by")
    command = table(section, "Commands").rows[0][1]
    assert ("--import my_losses" in command) == (module == "my_losses") and "__main__" not in command


def test_a_run_without_predictions_keeps_what_its_result_says(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", limit=70)
    (run / "predictions.npz").unlink()
    sections = sections_of(run)
    assert "no predictions.npz" in said(sections["settings"])
    assert "no run has predictions" in said(sections["samples"]) and not sections["samples"].drawings()
    assert sections["confusion"].drawings() and sections["embedding"].drawings()


@pytest.mark.parametrize("damage", ["predictions.npz", "result.json", "environment.json", "metrics.jsonl"])
def test_a_damaged_file_is_named(tmp_path: Path, damage: str) -> None:
    run = make_run(tmp_path / "run", limit=70)
    (run / damage).write_bytes((run / damage).read_bytes()[:40])
    assert damage in said(sections_of(run)["settings"])


def test_a_missing_class(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", limit=70)
    labels = torch.from_numpy(np.load(run / "predictions.npz")["labels"])
    change_predictions(run, labels != 1)
    sections = sections_of(run)
    assert list(sections["confusion"].drawings()[0].figure.data[0].z[1]) == [None] * 7
    assert sections["classes"].drawings()[0].figure.data[0].x[1] is None
    assert "could not be drawn" not in " ".join(map(said, sections.values()))


def test_one_image(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", limit=70)
    change_predictions(run, slice(0, 1))
    sections = sections_of(run)
    assert "could not be drawn" not in " ".join(map(said, sections.values()))
    assert len(sections["samples"].drawings()) == 1


def test_features_that_are_not_numbers(runs: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", "dacl", limit=70, lam=9.0)
    bad = torch.from_numpy(np.load(run / "predictions.npz")["features"])
    bad[3] = torch.nan
    change_predictions(run, slice(None), features=bad)
    sections = sections_of(runs, run)
    assert "1 of 70 images are not numbers" in said(sections["embedding"])
    assert len(sections["geometry"].drawings()[0].figure.data) == 5 * 3, "the other methods are drawn"
    alone = sections_of(run)
    assert "not numbers" in said(alone["geometry"]) and "could not be drawn" not in " ".join(map(said, alone.values()))


def test_thirty_thousand_images(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", limit=70)
    many = torch.arange(70).repeat(429)[:30_000]
    change_predictions(run, many)
    sections = sections_of(run)
    drawn = sum(len(trace.x) for trace in sections["embedding"].drawings()[0].figure.data)
    assert drawn == 350, "fifty of each class"
    assert "could not be drawn" not in " ".join(map(said, sections.values()))
    assert len(sections["samples"].drawings()) == 1


def test_one_configuration_and_seed_twice_is_refused_as_compare_does(tmp_path: Path) -> None:
    runs = [read_run(make_run(tmp_path / name, limit=70)) for name in ("a", "a2")]
    said = "a and .*a2 have the same settings and seed.*name only one of them"
    with pytest.raises(UserError, match=said):
        write_report([tmp_path], tmp_path / "report.html")
    with pytest.raises(UserError, match=said):
        compare_configurations(runs)


def test_no_run_and_no_place_are_errors(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run in"):
        gather([tmp_path])
    with pytest.raises(UserError, match="no such folder"):
        gather([tmp_path / "nowhere"])
    with pytest.raises(UserError, match="is a folder"):
        write_report([tmp_path], tmp_path)


def test_what_is_no_run_is_left_out_with_a_sentence(tmp_path: Path) -> None:
    make_run(tmp_path / "run", limit=70)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text('{"colour": "blue"}')
    runs, notes = gather([tmp_path, tmp_path / "run"])
    assert len(runs) == len(comparable_groups(runs)[0]) == 1, "named twice, read once"
    assert len(notes) == 1 and notes[0].startswith("Left out") and "colour" in notes[0]


def test_the_command_writes_the_page_and_prints_its_path(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    target = tmp_path / "page.html"
    result = CliRunner().invoke(app, ["report", str(runs), "--out", str(target)])
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(target) and target.is_file()
    assert list((tmp_path / "cache" / "dacl-edu").glob("*.npz")), "maps are kept"


def test_every_figure_is_written_as_a_picture(
    whole: dict[str, Section], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import plotly.io as pio

    drawn: list[Path] = []
    monkeypatch.setattr(pio, "write_images", lambda figures, files, **options: drawn.extend(files))
    write_pictures(whole.values(), tmp_path / "new" / "pictures")
    assert len(drawn) == len({file.name for file in drawn}) == 21
    assert drawn[2].name == "03-confusion-matrices-percent-of-the-true-class.png"


def test_pictures_without_a_browser_are_an_error_that_says_so(
    whole: dict[str, Section], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import plotly.io as pio

    def no_browser(*arguments: object, **options: object) -> None:
        raise RuntimeError("Kaleido requires Google Chrome to be installed.")

    monkeypatch.setattr(pio, "write_images", no_browser)
    with pytest.raises(UserError, match="none was found"):
        write_pictures(whole.values(), tmp_path)


def test_a_section_that_fails_does_not_take_the_others_along(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("dacl_edu.report.results._confusion", fails)
    sections = sections_of(runs)
    assert said(sections["confusion"]) == "The confusion matrices could not be drawn (ZeroDivisionError: oh)."
    assert isinstance(sections["classes"].blocks[0], Drawing)
