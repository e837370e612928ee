"""The embedding explorer without a browser: its callbacks change the figure's data and the panel."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dacl_edu.errors import UserError
from dacl_edu.plots.style import BLUE, ORANGE, class_look
from dacl_edu.widgets import embedding_explorer as w

pytest.importorskip("ipywidgets")
pytest.importorskip("anywidget")

RNG = np.random.default_rng(0)
COUNT = 210
LABELS = np.arange(COUNT) % 7
PREDICTED = np.where(np.arange(COUNT) % 10 == 0, (LABELS + 1) % 7, LABELS)
CLASSES = ["surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"]
FACTORS = pd.DataFrame(
    {"yaw": RNG.normal(size=COUNT), "glasses": np.array(["none", "round", "dark"])[LABELS % 3], "blur": 0.0}
)
METHODS = ("softmax", "dacl")


@pytest.fixture
def data() -> w.ExplorerData:
    features = {method: RNG.normal(size=(COUNT, 16)) for method in METHODS}
    return w.ExplorerData(
        points={method: features[method][:, :2] for method in METHODS},
        features=features,
        predicted={"softmax": PREDICTED, "dacl": LABELS},
        labels=LABELS,
        classes=CLASSES,
        ids=[f"face_{i}" for i in range(COUNT)],
        faces=[f"data:image/jpeg;base64,{i}" for i in range(COUNT)],
        factors=FACTORS,
        notice="PCA instead of UMAP.",
    )


def faces(panel: str) -> list[int]:
    return [int(number) for number in re.findall(r'src="data:image/jpeg;base64,(\d+)"', panel)]


def test_another_method_moves_the_points_and_the_selection_stays(data: w.ExplorerData) -> None:
    explorer = w.EmbeddingExplorer(data)
    points = explorer.figure.data[0]
    assert np.array_equal(points.x, data.points["softmax"][:, 0])
    explorer.choose([12])
    explorer.method.value = "dacl"
    assert np.array_equal(points.x, data.points["dacl"][:, 0]) and np.array_equal(points.y, data.points["dacl"][:, 1])
    assert "dacl" in explorer.figure.layout.title.text and "0 answered wrongly" in explorer.figure.layout.title.text
    nearest, _ = w.neighbour_rows(data, "dacl", 12)
    assert faces(explorer.panel.value) == [12, *nearest]


def test_the_figure_is_full_before_it_is_shown(data: w.ExplorerData) -> None:
    """Voila's page asks for the widget's first state, and gets no update that was sent before it opened."""
    explorer = w.EmbeddingExplorer(data)
    sent = explorer.figure.get_state()["_widget_data"]
    assert len(sent[0]["text"]) == COUNT and sent[0]["marker"]["symbol"][1] == class_look(1).symbol
    assert [trace["name"] for trace in sent if trace.get("showlegend")] == CLASSES


def test_neighbours_are_those_of_feature_space_and_lines_lead_to_them(data: w.ExplorerData) -> None:
    far = np.linalg.norm(data.features["softmax"] - data.features["softmax"][5], axis=1)
    expected = [row for row in np.argsort(far) if row != 5][:6]
    rows, distances = w.neighbour_rows(data, "softmax", 5)
    assert rows.tolist() == expected and np.allclose(distances, far[expected])
    explorer = w.EmbeddingExplorer(data)
    explorer.image.value = 5
    lines = explorer.figure.data[1]
    assert [lines.x[3 * i + 1] for i in range(6)] == pytest.approx(data.points["softmax"][expected, 0].tolist())
    assert lines.x[0] == data.points["softmax"][5, 0] and lines.x[2] is None
    assert faces(explorer.panel.value) == [5, *expected]


def test_colours_tell_class_answer_right_or_wrong_or_a_factor(data: w.ExplorerData) -> None:
    explorer = w.EmbeddingExplorer(data)
    marker = explorer.figure.data[0].marker
    assert explorer.colouring.options == (
        "true class",
        "predicted class",
        "right or wrong",
        "yaw",
        "glasses",
    )  # blur is equal
    assert list(marker.color) == [class_look(int(k)).colour for k in LABELS]
    assert list(marker.symbol) == [class_look(int(k)).symbol for k in LABELS]

    def legend() -> list[str]:
        return [trace.name for trace in explorer.figure.data[2:] if trace.showlegend]

    assert legend() == CLASSES
    explorer.colouring.value = "predicted class"
    assert list(marker.color) == [class_look(int(k)).colour for k in PREDICTED]
    explorer.colouring.value = "right or wrong"
    assert list(marker.color) == np.where(PREDICTED == LABELS, BLUE, ORANGE).tolist() and legend() == ["right", "wrong"]
    explorer.colouring.value = "yaw"
    assert np.allclose(marker.color, FACTORS["yaw"]) and marker.showscale and legend() == []
    assert marker.colorbar.title.text == "yaw"
    explorer.colouring.value = "glasses"
    assert legend() == ["dark", "none", "round"] and len(set(marker.color)) == 3 and not marker.showscale
    with pytest.raises(UserError, match="no colouring"):
        w.paint(data, "dacl", "shoe size")


def test_a_loop_shows_its_faces_and_counts_them(data: w.ExplorerData) -> None:
    explorer = w.EmbeddingExplorer(data)
    explorer.loop([0, 7, 10, 20])
    assert faces(explorer.panel.value) == [0, 7, 10, 20]
    assert "4 selected" in explorer.panel.value and "softmax has 3 of them wrong" in explorer.panel.value
    assert "2 surprise" in explorer.panel.value and "surprise, taken for fear" in explorer.panel.value
    assert explorer.figure.data[0].selectedpoints == (0, 7, 10, 20) and not explorer.figure.data[1].x
    explorer.loop(range(100))
    assert len(faces(explorer.panel.value)) == w.MOST_FACES and f"first {w.MOST_FACES}" in explorer.panel.value
    explorer.loop([])
    assert "No point is selected" in explorer.panel.value and explorer.figure.data[0].selectedpoints is None


def test_a_click_and_a_loop_of_the_browser_reach_the_callbacks(data: w.ExplorerData) -> None:
    from plotly.callbacks import LassoSelector, Points

    explorer = w.EmbeddingExplorer(data)
    points = explorer.figure.data[0]
    (click,), (loop,) = points._click_callbacks, points._select_callbacks
    click(points, Points([33], [0.0], [0.0], "", 0), None)
    assert explorer.image.value == 33 and faces(explorer.panel.value)[0] == 33
    loop(points, Points([1, 2], [0.0] * 2, [0.0] * 2, "", 0), LassoSelector())
    assert faces(explorer.panel.value) == [1, 2]
    explorer.choose([])
    assert faces(explorer.panel.value) == [1, 2], "a click beside the points changes nothing"


def test_what_a_user_named_is_escaped(data: w.ExplorerData) -> None:
    odd = w.ExplorerData(
        data.points, data.features, data.predicted, LABELS, ["<b>", *CLASSES[1:]], ["<script>"] * COUNT, data.faces
    )
    for panel in (w.image_html(odd, "dacl", 0), w.selection_html(odd, "dacl", [0])):
        assert "<script>" not in panel and "&lt;b&gt;" in panel


def test_every_face_has_words(data: w.ExplorerData) -> None:
    panel = w.image_html(data, "softmax", 10)
    assert all(alt.strip() for alt in re.findall(r'alt="([^"]*)"', panel))
    assert panel.count("<img") == panel.count('alt="') == 7


def test_one_image_and_many_images(data: w.ExplorerData) -> None:
    def cut(rows: Any) -> w.ExplorerData:
        pick = {
            name: {m: array[rows] for m, array in getattr(data, name).items()}
            for name in ("points", "features", "predicted")
        }
        return w.ExplorerData(
            **pick,
            labels=LABELS[rows],
            classes=CLASSES,
            ids=[data.ids[i] for i in rows],
            faces=[data.faces[i] for i in rows],
        )

    alone = w.EmbeddingExplorer(cut([4]))
    assert faces(alone.panel.value) == [4] and alone.image.max == 0
    many = w.EmbeddingExplorer(cut(np.arange(2_001) % COUNT))
    assert many.figure.data[0].type == "scattergl"


def test_each_control_changes_the_figure_that_is_there(data: w.ExplorerData) -> None:
    explorer = w.EmbeddingExplorer(data)
    actions = [
        lambda: setattr(explorer.method, "value", "dacl"), lambda: setattr(explorer.colouring, "value", "yaw"),
        lambda: explorer.choose([50]), lambda: explorer.loop(range(60)),
    ]  # fmt: skip
    figure, seen = explorer.figure, {explorer.figure.to_json()}
    for action in actions:
        action()
        seen.add(figure.to_json())
    assert explorer.figure is figure and len(seen) == 1 + len(actions)


class Run:
    """A finished run, as far as the explorer looks at it."""

    def __init__(self, method: str, indices: list[int]) -> None:
        import torch

        from dacl_edu.evaluation.deep_features import DeepFeatures
        from dacl_edu.training import TrainConfig

        self.config = TrainConfig.from_preset("smoke", method=method, limit=None)
        self.result = {"classes": CLASSES}
        rows = torch.tensor(indices)
        features = torch.randn(len(rows), 9, generator=torch.Generator().manual_seed(len(method)))
        self.deep = DeepFeatures(features, torch.ones_like(features), rows % 7, rows % 7, rows, "test")

    def deep_features(self, split: str, per_class: int | None = None) -> Any:
        return self.deep


def test_data_is_gathered_from_runs_row_by_row() -> None:
    from dacl_edu.plots.thumbnails import thumbnails
    from dacl_edu.runs.splits import load_split

    indices = [3, 0, 9, 14, 20, 30, 31]
    runs: list[Any] = [Run("softmax", indices), Run("dacl", indices), Run("dacl", [1, 2])]  # a second one is left out
    data = w.explorer_data(runs, method="pca")
    dataset = load_split(runs[0].config, "test")
    assert list(data.points) == ["softmax", "dacl"] and data.points["dacl"].shape == (7, 2)
    assert list(data.ids) == [dataset.ids[i] for i in indices]
    assert list(data.faces) == thumbnails(dataset.images[indices])
    assert data.factors is not None and data.factors["yaw"].tolist() == dataset.factors["yaw"].iloc[indices].tolist()
    with pytest.raises(UserError, match="different images"):
        w.explorer_data([Run("softmax", indices), Run("dacl", indices[::-1])])  # type: ignore[list-item]
    with pytest.raises(UserError, match="no run"):
        w.explorer_data([])


def test_the_maps_of_the_projects_runs_are_shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from dacl_edu.evaluation import embedding
    from dacl_edu.runs.run import shipped_runs
    from dacl_edu.widgets.from_runs import PER_CLASS

    anew = "umap-learn or the runs changed: call explorer_data(…, cache=paths.shipped_maps()), as tools.ship_runs does"
    monkeypatch.setattr(embedding, "_umap", lambda *_, **__: pytest.fail(anew))
    data = w.explorer_data(shipped_runs(), "test", PER_CLASS, cache=tmp_path)
    assert list(data.points) == ["softmax", "center", "dacl"] and not list(tmp_path.iterdir())
