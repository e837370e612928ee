"""What the readers of data sets share: lists, tables and labels on disk, and errors that say where and what to do.

What has another form than it must have is a `UserError`, here and in every parser of a reader: it says what stands
there, in which file and line (of a table the row, as a spreadsheet counts it: the header is row 1).
"""

from __future__ import annotations

import os
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dacl_edu.data.classes import EXPRESSIONS, canonical_index
from dacl_edu.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")


@contextmanager
def located(where: str) -> Iterator[None]:
    """Put the place before what an error says.

    Examples
    --------
    >>> with located("labels.txt, line 3"):
    ...     raise UserError("unknown label '8'", hint="1 to 7")
    Traceback (most recent call last):
    ...
    dacl_edu.errors.UserError: labels.txt, line 3: unknown label '8' — 1 to 7
    """
    try:
        yield
    except UserError as error:
        raise UserError(f"{where}: {error.problem}", hint=error.hint) from error


def again(access: str) -> str:
    """What to do about a damaged file; `access` says where the data set is from."""
    return f"copy the file again. {access}"


def not_found(name: str, root: Path, looked: str, access: str) -> UserError:
    """The error for a folder that does not hold the data set."""
    return UserError(
        f"no {name} in {root}: looked for {looked}", hint=f"unpack it there, or say where it is (root=…). {access}"
    )


def first_file(root: Path, names: Sequence[str]) -> Path | None:
    """The first of some files below `root` that is there."""
    return next((root / name for name in names if (root / name).is_file()), None)


def first_folder(root: Path, names: Sequence[str]) -> Path:
    """The first of some folders below `root` that is there; else the first of all, for an error to name."""
    return next((root / name for name in names if (root / name).is_dir()), root / names[0])


def numbered_label(text: str, names: Sequence[str], first: int = 0, classes: Sequence[str] = EXPRESSIONS) -> int:
    """Index in `classes` (the paper's, if left out) of a label that is a number in the file.

    `names` are the expressions in the order of their numbers, the `first` on.

    Examples
    --------
    >>> numbered_label("4", ("Surprise", "Fear", "Disgust", "Happiness"), first=1)
    3
    """
    numbers = [str(number) for number in range(first, first + len(names))]
    if text not in numbers:
        numbered = ", ".join(f"{number} {name}" for number, name in zip(numbers, names, strict=True))
        raise UserError(f"unknown label {text!r}", hint=f"the labels are {numbered}")
    name = names[numbers.index(text)]
    return classes.index(name) if name in classes else canonical_index(name, classes)


def read_lines(path: Path, parse: Callable[[str], T], access: str) -> list[tuple[int, T]]:
    """Number and content of each line of a text file that is not blank; errors of `parse` name the line."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text ({error})", hint=again(access)) from error
    found = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            with located(f"{path}, line {number}"):
                found.append((number, parse(line)))
    if not found:
        raise UserError(f"{path} lists no images", hint=again(access))
    return found


def read_table(path: Path, access: str, **how: object) -> pd.DataFrame:
    """A CSV file with every field as text without blanks around it; its rows keep their numbers in the file."""
    import pandas as pd

    form = {"dtype": str, "skipinitialspace": True, "encoding": "utf-8-sig", "keep_default_na": False}
    form |= {"index_col": False}  # else a column too many becomes the numbers of the rows
    unread = (OSError, ValueError, pd.errors.ParserWarning)  # pandas' parser errors are ValueErrors, as is no text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(path, **{"skip_blank_lines": False, **form, **how})  # type: ignore[call-overload]
    except unread as error:
        raise UserError(f"{path}: cannot be read as CSV ({error})", hint=again(access)) from error
    return table.rename(columns=lambda name: name.strip() if isinstance(name, str) else name).apply(
        lambda column: column.astype(str).str.strip()
    )


def require_columns(path: Path, table: pd.DataFrame, columns: Sequence[str], hint: str) -> None:
    """Refuse a table that lacks a column."""
    if missing := [column for column in columns if column not in table.columns]:
        names = [str(name)[:40] for name in table.columns[:9]]
        if any(name[:1].isdigit() for name in names):
            raise UserError(
                f"{path}: its first line is no header, but a row", hint=f"the header is {','.join(columns)}"
            )
        there = ", ".join(names)
        raise UserError(f"{path}: no column {', '.join(missing)} among {there}", hint=hint)


def refuse_rows(path: Path, column: pd.Series, wrong: pd.Series, what: str, hint: str, header: int = 1) -> None:
    """Refuse a table where a mask marks a row: the message names the first as a spreadsheet counts it.

    `what` begins the sentence with the field, ``{}`` is what stands there; `header` lines are above row 0.
    """
    if wrong.any():
        row = column.index[wrong][0]
        raise UserError(f"{path}, row {row + 1 + header}: {what.format(repr(column[row]))}", hint=hint)


def require_files(paths: Sequence[Path], listed_in: str, access: str) -> list[Path]:
    """Return the files as they lie on disk: a data set that was unpacked halfway is refused before any decoding.

    A name that is not there is taken for one that differs in capitals or in how accents are composed: lists were
    written on one system and pictures unpacked on another. `listed_in` names the list, `access` how to get the set.

    Raises
    ------
    UserError
        Says how many are missing, which is the first, and where it was looked for.
    """
    folders: dict[Path, dict[str, str]] = {}  # one listing a folder is much faster than one question a file
    for folder in {path.parent for path in paths}:
        names = os.listdir(folder) if folder.is_dir() else []
        folders[folder] = {alike(name): name for name in names} | {name: name for name in names}
    found = [folders[path.parent].get(path.name) or folders[path.parent].get(alike(path.name)) for path in paths]
    missing = [path for path, name in zip(paths, found, strict=True) if name is None]
    if missing:
        raise UserError(
            f"{listed_in} lists {len(paths)} files, {len(missing)} of them are missing; "
            f"the first is {missing[0].name}, looked for in {missing[0].parent}",
            hint=f"unpack the data set completely. {access}",
        )
    return [path if path.name == name else path.with_name(str(name)) for path, name in zip(paths, found, strict=True)]


def alike(name: str) -> str:
    """Return a file's name without what file systems differ in: capitals, and how an accent is composed.

    Examples
    --------
    >>> alike("É.JPG") == alike("e\u0301.jpg")
    True
    """
    return unicodedata.normalize("NFC", name).casefold()
