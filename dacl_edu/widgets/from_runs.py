"""The explorers of features and attention, opened on finished runs by their folders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from dacl_edu import paths
from dacl_edu.errors import UserError
from dacl_edu.widgets import layout, settle

if TYPE_CHECKING:
    import ipywidgets as widgets

    from dacl_edu.runs.run import Run

PER_CLASS = 30
"""Images of each class: enough to see, and what a run of the project keeps."""


def embedding_of_runs(runs: Any = "") -> widgets.Widget:
    """Return the embedding explorer on one run of each method; a sentence that says what is missing, where it is.

    ``runs`` as for :func:`dacl_edu.widgets.layout.runs_of`.
    """
    from dacl_edu.widgets.embedding_explorer import EmbeddingExplorer, explorer_data

    try:
        found = layout.runs_of(runs)
        data = explorer_data(found, found[0].result["split"], PER_CLASS, cache=paths.cache())
        return EmbeddingExplorer(data).widget
    except UserError as error:
        return _missing("embedding", error)


def attention_of_runs(runs: Any = "") -> widgets.Widget:
    """Return the attention explorer with a list of the runs that learned attention; else a sentence, as above."""
    try:
        able = [run for run in layout.runs_of(runs) if has_attention(run)]
        if not able:
            raise UserError("no run there has attention", hint="train one: dacl-edu train --method dacl")
        shown = layout.rows(_attention(able[0]))
    except UserError as error:
        return _missing("attention", error)
    if len(able) == 1:
        return shown
    named = [(layout.run_name(run), place) for place, run in enumerate(able)]
    which = layout.choice("run", named, 0, "Whose attention is shown.")

    def changed() -> None:
        shown.children = [_attention(able[which.value])]
        settle(shown)

    layout.watch([which], changed)
    return layout.rows(which, shown)


def has_attention(run: Run) -> bool:
    """Whether a run's attention is there and is not the same everywhere."""
    try:
        deep = run.deep_features(run.result["split"], 1)
        run.head()
    except (UserError, OSError):  # a small copy of the project keeps neither
        return False
    return bool(deep.attention.numel()) and not torch.equal(deep.attention, torch.ones_like(deep.attention))


def _attention(run: Run) -> widgets.Widget:
    from dacl_edu.runs.splits import load_split
    from dacl_edu.widgets.attention_explorer import attention_explorer

    split = run.result["split"]
    deep = run.deep_features(split, PER_CLASS)
    images = load_split(run.config, split).images[deep.indices]
    return attention_explorer(deep, run.head(), images, run.result["classes"])


def _missing(name: str, error: UserError) -> widgets.VBox:
    return layout.rows(layout.text(f"The {name} explorer has nothing to show: {error}."))
