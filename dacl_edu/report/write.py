"""Writes the report: gathers, draws section by section, and puts it all into one file."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dacl_edu.errors import UserError
from dacl_edu.files import replace_text, require_place
from dacl_edu.report.attention_section import attention_section, gradient_section
from dacl_edu.report.blocks import Section
from dacl_edu.report.faces import Pictures
from dacl_edu.report.fairness import fairness_section
from dacl_edu.report.features import Features, embedding_section, geometry_section
from dacl_edu.report.gather import comparable_groups, gather
from dacl_edu.report.results import (
    calibration_section,
    classes_section,
    confusion_section,
    environment_section,
    results_section,
    samples_section,
    settings_section,
    training_section,
)
from dacl_edu.runs.naming import require_each_once
from dacl_edu.runs.standing import first_lines
from dacl_edu.text import slug

Say = Callable[[str], None]


def write_report(
    folders: Iterable[str | Path],
    out: str | Path = "report.html",
    png: str | Path | None = None,
    command: str = "dacl_edu.report.write_report(…)",
    cache: str | Path | None = None,
    say: Say = lambda step: None,
) -> Path:
    """Write one page about some runs, which opens without a network.

    Parameters
    ----------
    folders : iterable of path
        Run folders, or folders that hold several.
    out : path, default "report.html"
    png : path, optional
        A folder: every figure goes there as PNG too.
    command : str
        What made the page, for its last section.
    cache : path, optional
        Folder where maps are kept by content, so that a second report of the same runs need not compute them.
    say : callable, optional
        Called with the name of each step as it begins.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    UserError
        No run there, one configuration and seed twice, page or pictures that cannot be written, no browser for them.
    """
    from dacl_edu.report.page import render

    target = Path(out).expanduser()
    if target.is_dir():
        raise UserError(f"{target} is a folder", hint=f"--out {shlex.quote(str(target / 'report.html'))}")
    with _written(target):
        require_place(target)
    say("reading the runs")
    sections, title, lead = make_sections(list(folders), command, say, None if cache is None else Path(cache))
    say("writing the page")
    with _written(target):
        replace_text(target, render(sections, title, lead))
    if png is not None:
        say("drawing the pictures")
        write_pictures(sections, Path(png).expanduser())
    return target


@contextmanager
def _written(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"{target}: cannot write there ({error.strerror})", hint="choose another --out") from error


def make_sections(
    folders: list[str | Path], command: str, say: Say, cache: Path | None
) -> tuple[list[Section], str, list[str]]:
    """Return the sections of the report, its title, and what is said before any number."""
    runs, notes = gather(folders)
    comparable = [list(require_each_once(group)) for group in comparable_groups(runs)]
    pictures = Pictures()
    say("training, confusion, classes, samples")
    sections = [
        settings_section(runs, notes),
        results_section(comparable),
        training_section(runs),
        confusion_section(comparable),
        classes_section(comparable),
        calibration_section(comparable),
        fairness_section(comparable, pictures),
        samples_section(comparable, pictures),
    ]
    say("deep features")
    features = [Features(group) for group in comparable]
    say("the map of deep features (UMAP)")
    sections.append(embedding_section(features, pictures, cache))
    say("compactness and separation")
    sections.append(geometry_section(features))
    say("attention")
    sections += [attention_section(features, pictures), gradient_section(features)]
    sections.append(environment_section(runs, command))
    methods = list(dict.fromkeys(run.config.method for run in runs))
    data = list(dict.fromkeys(run.config.data for run in runs))
    lead = [line for group in comparable or [runs] for line in first_lines(group)]
    return sections, f"{', '.join(methods)} on {', '.join(data)}", lead


def write_pictures(sections: Iterable[Section], folder: Path) -> list[Path]:
    """Write every figure as PNG (``01-training-curves.png``, …) into a folder, made if missing.

    Raises
    ------
    UserError
        No browser to draw with, or a folder that cannot be written.
    """
    import plotly.io as pio
    from choreographer.errors import BrowserFailedError, ChromeNotFoundError
    from plotly.graph_objects import Figure

    figures = [Figure(drawing.figure) for section in sections for drawing in section.drawings()]
    for figure in figures:
        figure.update_layout(template="plotly_white")  # as on the page
    titles = [slug(figure.layout.title.text or "") for figure in figures]
    names = [f"{number:02d}{'-' if title else ''}{title}.png" for number, title in enumerate(titles, start=1)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot make this folder ({error.strerror})", hint="choose another") from error
    try:
        pio.write_images(
            figures, [folder / name for name in names], scale=2,
            width=[figure.layout.width or 900 for figure in figures],
            height=[figure.layout.height or 450 for figure in figures],
        )  # fmt: skip
    except (BrowserFailedError, ChromeNotFoundError, RuntimeError) as error:
        if "chrome" not in str(error).lower() and "browser" not in str(error).lower():
            raise
        raise UserError(
            "PNG files are drawn by a browser, and none was found", hint="install chromium, or leave --png out"
        ) from error
    return [folder / name for name in names]
