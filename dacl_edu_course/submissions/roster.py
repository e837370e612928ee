"""A course's list of students, and which of them an export means."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dacl_edu.errors import UserError
from dacl_edu.files import read_object, read_small
from dacl_edu_course.submissions.platforms import Owner

_COLUMNS = {
    "id": ("id", "student id", "student_id", "sid", "number", "student number", "matriculation", "username", "login"),
    "name": ("name", "full name", "student", "student name"),
    "email": ("email", "e-mail", "mail", "email address"),
    "first": ("first name", "first", "given name", "firstname"),
    "last": ("last name", "last", "surname", "lastname", "family name"),
}


@dataclass(frozen=True)
class Person:
    """One student of a roster.

    Attributes
    ----------
    id, name, email : str
    """

    id: str
    name: str = ""
    email: str = ""

    @property
    def forms(self) -> Iterator[str]:
        """What a platform may call this student, without blanks and accents."""
        words = [plain for word in re.split(r"[\s,]+", self.name) if (plain := _plain(word))]
        turned = [*words[1:], *words[:1]], [*words[-1:], *words[:-1]]
        yield from (_plain(self.id), _plain(self.email), _plain(self.email.partition("@")[0]))
        yield from ("".join(words), *("".join(each) for each in turned))


class Roster:
    """Who is in the course, and who is meant by what.

    Parameters
    ----------
    people : iterable of Person
    named : dict of str to str, optional
        What an export calls somebody, and the id of whom it means: what names alone cannot decide.

    Examples
    --------
    >>> roster = Roster([Person("20210315", "Ann Kim", "ak1@uni.edu"), Person("20210412", "Ben Kim")])
    >>> roster.match(Owner("kimann", "12345", "canvas")).id, roster.match(Owner("ak1")).id, roster.match(Owner("kim"))
    ('20210315', '20210315', None)
    >>> roster.match(Owner("20210412_kim")).id
    '20210412'
    """

    def __init__(self, people: Iterable[Person] = (), named: dict[str, str] | None = None) -> None:
        self.people = {person.id: person for person in people}
        self.named = named or {}
        found: dict[str, set[str]] = defaultdict(set)
        for person in self.people.values():
            for form in person.forms:
                found[form].add(person.id)
        self._by_form = {form: next(iter(ids)) for form, ids in found.items() if form and len(ids) == 1}

    def __bool__(self) -> bool:
        return bool(self.people or self.named)

    def match(self, owner: Owner, file: str = "") -> Person | None:
        """Return whom an entry means; None where that is nobody, or could be several."""
        for text in (file, owner.name, owner.number, f"{owner.name}_{owner.number}"):
            if text and text in self.named:
                return self.people.get(self.named[text], Person(self.named[text]))
        whole = [self._by_form.get(_plain(text)) for text in (owner.number, owner.name) if text]
        parts = [self._by_form.get(_plain(word)) for word in re.split(r"[\s_.+-]+", owner.name) if word]
        for group in (whole, parts):
            ids = {each for each in group if each}
            if len(ids) == 1:
                return self.people[ids.pop()]
        return None


def read_roster(path: str | Path) -> list[Person]:
    """Read a CSV file with the columns id, name and e-mail, or a part of them, in any order.

    Raises
    ------
    UserError
        No such file, or no column that tells students apart.
    """
    rows = read_rows(Path(path))
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    at = {
        part: next((header.index(name) for name in names if name in header), None) for part, names in _COLUMNS.items()
    }

    def cell(row: list[str], part: str) -> str:
        index = at[part]
        return row[index].strip() if index is not None and index < len(row) else ""

    people = []
    for row in rows[1:]:
        name = cell(row, "name") or " ".join(filter(None, (cell(row, "first"), cell(row, "last"))))
        identity = cell(row, "id") or cell(row, "email") or name
        if identity:
            people.append(Person(identity, name, cell(row, "email")))
    if not people:
        raise UserError(f"{path}: no student in it", hint="its first line must be id,name,email")
    return people


def read_map(path: str | Path) -> dict[str, str]:
    """Read a CSV file of two columns: what the export says (a file's or a student's name), and the student's id.

    Raises
    ------
    UserError
    """
    rows = [row for row in read_rows(Path(path)) if len(row) >= 2 and row[0].strip()]
    return {row[0].strip(): row[1].strip() for row in rows}


class Names:
    """Names of students that stay the same from one collection to the next, by the platform's own number.

    Parameters
    ----------
    course : Path
        The memory is ``course/students.json``.
    """

    def __init__(self, course: Path) -> None:
        self.path = course / "students.json"
        try:
            self.known: dict[str, dict[str, str]] = read_object(self.path)
        except (OSError, ValueError):
            self.known = {}

    def name(self, owner: Owner, person: Person | None) -> str:
        """Return how a student is called in this course."""
        told = {"platform": owner.platform, "number": owner.number, "name": owner.name}
        if person is not None:
            told |= {"name": person.name or owner.name, "email": person.email}
            self.known[person.id] = {**self.known.get(person.id, {}), **{k: v for k, v in told.items() if v}}
            return person.id
        for name, before in self.known.items():
            if owner.number and (before.get("platform"), before.get("number")) == owner.key:
                return name
        before = self.known.get(owner.name, {})
        other = before.get("number", "") not in ("", owner.number) and bool(owner.number)
        name = f"{owner.name}_{owner.number}" if other else owner.name
        if owner.number:
            self.known[name] = told
        return name


def read_rows(path: Path) -> list[list[str]]:
    """Return the rows of a CSV file that a spreadsheet wrote: commas or semicolons, with or without UTF-8's mark.

    Raises
    ------
    UserError
    """
    try:
        text = read_small(path).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({type(error).__name__})", hint="give a CSV file in UTF-8") from None
    separator = ";" if text.partition("\n")[0].count(";") > text.partition("\n")[0].count(",") else ","
    try:
        return [row for row in csv.reader(text.splitlines(), delimiter=separator) if any(row)]
    except csv.Error as error:  # a cell without end
        raise UserError(f"{path}: no CSV ({error})", hint="give a CSV file in UTF-8") from error


def _plain(text: str) -> str:
    flat = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in flat if c.isalnum())
