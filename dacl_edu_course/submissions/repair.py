"""Put a damaged notebook right before it is graded: the author's cells come back, the student's answers stay.

A student's notebook may have lost, doubled, moved or edited any cell, and an editor may have dropped the metadata by
which nbgrader knows them. Each cell is recognised by its grade_id, else by its own id, its text, or the function that
it defines. Every repair is a note in plain words. Nothing is executed here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from dacl_edu_course.authoring.assignment import Assignment, Cell, visible_source
from dacl_edu_course.definitions import defined_names
from dacl_edu_course.submissions.submission import (
    Damaged,
    Found,
    ReadingLimits,
    Submission,
    parse_submission,
    read_submission,
)

__all__ = ["Damaged", "Merged", "ReadingLimits", "Repaired", "RunCell", "parse_submission", "read_submission", "repair"]

Origin = Literal["author", "student"]


@dataclass(frozen=True)
class RunCell:
    """A cell that the student's process executes.

    Attributes
    ----------
    id : str
        The author's cell that it stands for; empty for one that the student added.
    source : str
    origin : {"author", "student"}
        Who wrote it.
    definitions : bool, default False
        Whether its definitions alone are run.
    """

    id: str
    source: str
    origin: Origin
    definitions: bool = False


@dataclass(frozen=True)
class Merged:
    """One cell of the repaired notebook.

    Attributes
    ----------
    cell : Cell or None
        The author's cell; None for one that the student added.
    source : str
        What stands in it: never a hidden test.
    origin : {"author", "student"}
    cell_type : str
    outputs : tuple of dict
        What the student's copy showed, text and PNG alone.
    runs : bool
        Whether it is executed while grading.
    definitions : bool, default False
        Whether only what it defines is: of a cell that also trains, draws or tests.
    """

    cell: Cell | None
    source: str
    origin: Origin
    cell_type: str
    outputs: tuple[dict[str, Any], ...] = field(default=(), compare=False)
    runs: bool = False
    definitions: bool = False


@dataclass(frozen=True)
class Repaired:
    """A notebook in the author's order.

    Attributes
    ----------
    merged : tuple of Merged
        All cells.
    tests : dict of str to str
        The author's test, hidden tests included, by the name of the question. Never to be shown.
    answers : dict of str to str
        What the student wrote, by the name of the question; empty where the cell is gone.
    missing : dict of str to str
        Why a question seems to have no answer: its cell is gone, or it was never written. Another cell may hold it.
    notes : tuple of str
        For the student.
    """

    merged: tuple[Merged, ...]
    tests: dict[str, str] = field(repr=False)
    answers: dict[str, str]
    missing: dict[str, str]
    notes: tuple[str, ...]

    @property
    def cells(self) -> tuple[RunCell, ...]:
        """What is executed, in order."""
        return tuple(
            RunCell(m.cell.id if m.cell else "", m.source, m.origin, m.definitions) for m in self.merged if m.runs
        )


def repair(assignment: Assignment, submission: Submission) -> Repaired | Damaged:
    """Bring a student's cells into the author's order and put the author's own cells back.

    Parameters
    ----------
    assignment : Assignment
    submission : Submission
        From :func:`read_submission`.

    Returns
    -------
    Repaired or Damaged
        Damaged: nothing in it belongs to this assignment.
    """
    matches = _matched(assignment, submission.cells)
    ours = {index for index, cell in enumerate(assignment.cells) if cell.nbgrader}
    named = {name for found in submission.cells if found.cell_type == "code" for name in defined_names(found.source)}
    if not ours & set(matches.values()) and not named & _names_of_solutions(assignment).keys():
        return Damaged(f"this is not {assignment.name}: none of its questions is in it")
    notes = list(submission.notes)
    if submission.language not in ("", "python", "ipython", "python3"):
        notes.append(f"The notebook was saved with a kernel for {submission.language}; it was run with Python.")
    notes.extend(_order_and_labels(assignment, submission.cells, matches))

    copies: dict[int, list[Found]] = defaultdict(list)
    behind: dict[int, list[Found]] = defaultdict(list)  # a student's own cells, by the author's cell that they follow
    last = -1
    for number, found in enumerate(submission.cells):
        if number in matches:
            last = matches[number]
            copies[last].append(found)
        else:
            behind[last].append(found)

    stubs = {_plain(visible_source(cell)) for cell in assignment.cells if cell.kind == "solution"}
    code = [f.source for f in submission.cells if f.cell_type == "code" and _plain(f.source) not in stubs]
    written_names = {name for source in code for name in defined_names(source)}
    merged: list[Merged] = [_own(found) for found in behind[-1]]
    answers: dict[str, str] = {}
    missing: dict[str, str] = {}
    for index, cell in enumerate(assignment.cells):
        if cell.kind in ("solution", "manual"):
            elsewhere = bool(written_names & set(defined_names(visible_source(cell))))
            written, said = _answer(cell, copies[index], elsewhere)
            notes.extend(said)
            answers[cell.id] = "\n\n".join(found.source for found in written)
            if elsewhere:
                pass  # the test says what is wrong with it
            elif not copies[index]:
                missing[cell.id] = f"the cell {cell.id} was deleted: there is no answer to grade"
            elif _plain(answers[cell.id]) in ("", _plain(visible_source(cell))):
                missing[cell.id] = "nothing was written yet"
            merged.extend(Merged(cell, f.source, "student", cell.cell_type, f.outputs, cell.is_run) for f in written)
        else:
            kept, said = _author_cell(cell, copies[index])
            notes.extend(said)
            merged.extend(kept)
        merged.extend(_own(found) for found in behind[index])
    return Repaired(
        tuple(_without_stubs(merged)),
        {q.name: q.test.source for q in assignment.questions if q.test},
        {q.name: answers[q.solution.id] for q in assignment.questions},
        {q.name: missing[q.solution.id] for q in assignment.questions if q.solution.id in missing},
        tuple(dict.fromkeys(notes)),
    )


def _without_stubs(merged: list[Merged]) -> Iterator[Merged]:
    """An answer may stand in another cell than its own: then the stub, wherever it is, must not undo it."""
    stubs = [
        m.cell is not None and m.cell.kind == "solution" and _plain(m.source) == _plain(visible_source(m.cell))
        for m in merged
    ]
    written = {
        name
        for each, is_stub in zip(merged, stubs, strict=True)
        if each.runs and each.cell_type == "code" and not is_stub
        for name in defined_names(each.source)
    }
    for each, is_stub in zip(merged, stubs, strict=True):
        yield replace(each, runs=False) if is_stub and written & set(defined_names(each.source)) else each


def _matched(assignment: Assignment, cells: tuple[Found, ...]) -> dict[int, int]:
    """Return which of the student's cells (by number) stands for which of the author's."""
    by_grade_id = {cell.id: i for i, cell in enumerate(assignment.cells) if cell.nbgrader}
    by_cell_id = {cell.cell_id: i for i, cell in enumerate(assignment.cells) if cell.cell_id}
    matches = {n: by_grade_id[f.grade_id] for n, f in enumerate(cells) if f.grade_id in by_grade_id}
    # The notebook's own ids survive where nbgrader's metadata did not; another notebook may share one by chance, so the
    # kind of cell must fit as well.
    for number, found in enumerate(cells):
        index = by_cell_id.get(found.cell_id)
        if number not in matches and index is not None and not found.grade_id:
            cell = assignment.cells[index]
            if cell.cell_type == found.cell_type and (index not in matches.values()):
                matches[number] = index
    by_text: dict[str, int] = {}
    for index, cell in enumerate(assignment.cells):
        # Two questions may have the same stub; then the text says nothing.
        text = _plain(visible_source(cell))
        by_text[text] = -1 if text in by_text or not text else index
    by_name = _names_of_solutions(assignment)
    for number, found in enumerate(cells):
        if number in matches or found.grade_id in by_grade_id:
            continue
        index = by_text.get(_plain(found.source), -1)
        if index >= 0 and index not in matches.values():
            matches[number] = index
    for number, found in enumerate(cells):
        if number not in matches and found.cell_type == "code":
            named = {by_name[name] for name in defined_names(found.source) if name in by_name} - set(matches.values())
            if len(named) == 1:
                matches[number] = named.pop()
    known = {_plain(cells[n].source): i for n, i in matches.items() if assignment.cells[i].kind == "solution"}
    for number, found in enumerate(cells):
        if number not in matches and _plain(found.source) in known:  # an unlabelled copy of an answer
            matches[number] = known[_plain(found.source)]
    matches.update(_by_place(assignment, cells, matches))
    return matches


def _by_place(assignment: Assignment, cells: tuple[Found, ...], matches: dict[int, int]) -> dict[int, int]:
    """Prose has no ``def``: an unknown text right behind the author's cell before a written answer is that answer."""
    found: dict[int, int] = {}
    taken = set(matches.values())
    for index, cell in enumerate(assignment.cells):
        if cell.kind != "manual" or index in taken:
            continue
        for number in sorted(n for n, at in matches.items() if at == index - 1):
            follows = number + 1
            if follows < len(cells) and follows not in matches and cells[follows].cell_type == cell.cell_type:
                found[follows] = index
                break
    return found


def _order_and_labels(assignment: Assignment, cells: tuple[Found, ...], matches: dict[int, int]) -> Iterator[str]:
    order = list(dict.fromkeys(matches[number] for number in sorted(matches)))  # a copy is no move
    if order != sorted(order):
        yield "Cells had been moved: they were put back in the assignment's order."
    bare = [
        assignment.cells[index].id
        for number, index in sorted(matches.items())
        if assignment.cells[index].nbgrader and not cells[number].grade_id
    ]
    if bare:
        names = ", ".join(dict.fromkeys(bare))
        yield f"An editor removed the labels of some cells ({names}): they were recognised by what stands in them."
    kinds = {assignment.cells[i].id for n, i in matches.items() if assignment.cells[i].cell_type != cells[n].cell_type}
    for name in sorted(kinds):
        yield f"The type of the cell {name} had been changed (code or text): it was changed back."


def _answer(cell: Cell, copies: list[Found], elsewhere: bool) -> tuple[list[Found], list[str]]:
    """Return the copies of a solution cell that count, in order, and what to say of them."""
    if not copies:
        rest = "what it defines was found in another" if elsewhere else "its question has no answer"
        return [], [f"The cell {cell.id} was deleted: {rest}."]
    if len(copies) == 1:
        return copies, []
    stub = _plain(visible_source(cell))
    written = [found for found in copies if _plain(found.source) not in ("", stub)] or copies[-1:]
    distinct = list({_plain(found.source): found for found in written}.values())
    many = f"The cell {cell.id} is there {len(copies)} times"
    if len(distinct) == 1:
        return distinct, [f"{many}: the one that was written counts."]
    if cell.cell_type == "code":
        return distinct, [f"{many}: all were run, one after the other; where they define one name, the last counts."]
    return distinct, [f"{many}: all of them are shown to the person who marks."]


def _author_cell(cell: Cell, copies: list[Found]) -> tuple[list[Merged], list[str]]:
    """Return the author's cell, and behind it what a student wrote into it: at home it was run as it stands."""
    source = visible_source(cell)
    known = {_plain(source), _plain(cell.source)}  # an author may try the source itself
    first = copies[0] if copies else None
    outputs = first.outputs if first and cell.kind != "test" else ()
    code = cell.cell_type == "code"
    edited = [found for found in copies if _plain(found.source) not in known and found.cell_type == "code" and code]
    if not cell.locked and first and code and cell.is_run:  # an example to play with: what was played stays
        return [Merged(cell, first.source, "student", "code", outputs, True)], []
    kept = [Merged(cell, source, "author", cell.cell_type, outputs, cell.is_run)]
    if code and not cell.is_run and cell.kind != "test" and first:
        kept = [Merged(cell, first.source, "student", "code", outputs)]
    kept += [Merged(None, each.source, "student", "code", (), True, not cell.is_run) for each in edited]
    said = []
    what = "test cell" if cell.kind == "test" else "cell"
    if cell.nbgrader and first is None:
        said.append(f"The {what} {cell.id} was deleted: it was put back.")
    elif cell.locked and any(_plain(found.source) not in known for found in copies):
        also = ", and what you defined in it counts" if cell.kind == "test" else ", and yours was run behind it"
        said.append(f"The {what} {cell.id} had been edited: the original was put back{also if edited else ''}.")
    return kept, said


def _own(found: Found) -> Merged:
    tagged = bool(found.tags & {"setup", "not-graded"})
    return Merged(None, found.source, "student", found.cell_type, found.outputs, found.cell_type == "code", tagged)


def _names_of_solutions(assignment: Assignment) -> dict[str, int]:
    names: dict[str, int] = {}
    for index, cell in enumerate(assignment.cells):
        if cell.kind == "solution":
            for name in defined_names(cell.source):
                names[name] = -1 if name in names else index
    return {name: index for name, index in names.items() if index >= 0}


def _plain(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().splitlines())
