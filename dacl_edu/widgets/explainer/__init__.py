"""The explainer: one face followed through the whole paper, in a notebook and on a page without a kernel.

``stages`` computes what is shown, ``payload`` writes it as bytes, and one module draws it, in a notebook (``widget``)
and on a page (``page``). From x, a and c on, everything is computed there: ``arithmetic.js``, ``drawing.js``,
``tour.js``, ``explainer.js``, joined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dacl_edu.errors import UserError

if TYPE_CHECKING:
    from dacl_edu.widgets.explainer.widget import Explainer

FOLDER = "explainer"
"""Where its data lie among the runs that come with the project."""


def explainer(data: bytes | None = None) -> Explainer:
    """Return the explainer as a widget, to be shown as the last line of a notebook cell.

    Parameters
    ----------
    data : bytes, optional
        What :func:`dacl_edu.widgets.explainer.runs.runs_payload` returns for your own runs; by default the runs that
        come with the project.

    Raises
    ------
    UserError
        anywidget is missing, or this copy of the project has no such runs.
    """
    try:
        from dacl_edu.widgets.explainer.widget import Explainer
    except ImportError as error:
        raise UserError(f"{error.name} is not installed", hint="pip install 'dacl-edu[notebooks]'") from error
    return Explainer(data=shipped_payload() if data is None else data)


def shipped_payload() -> bytes:
    """Return the data of the runs that come with the project: three methods on 84 test faces.

    Raises
    ------
    UserError
        This copy of the project has none.
    """
    from dacl_edu import paths
    from dacl_edu.data import load_dataset
    from dacl_edu.runs.run import papers_order
    from dacl_edu.widgets.explainer.payload import payload
    from dacl_edu.widgets.explainer.stages import ExplainedRun, choose_faces

    runs = [ExplainedRun.load(path) for path in (paths.shipped_runs() / FOLDER).glob("*.npz")]
    if not runs:
        raise UserError("this copy of the project has no data for the explainer", hint="dacl-edu explain RUN")
    runs.sort(key=lambda run: papers_order(run.config))
    faces = choose_faces(load_dataset("bundled", "test"))
    seen = runs[0].config.limit or "all"
    says = f"{len(faces)} bundled test faces. The networks were trained on {seen} of the training faces"
    return payload(runs, faces.images, faces.labels.tolist(), faces.classes, says)
