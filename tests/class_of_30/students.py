"""The class: who hands in what, which points are due, and what the feedback must say."""

from __future__ import annotations

import copy
import os
import textwrap
from pathlib import Path

from class_of_30 import answers, hostile
from class_of_30.answers import ALL, FUNCTION, GRADIENT_A, GRADIENT_X, LOSS, ONE_LINE
from class_of_30.handing_in import ASSIGNMENT, Course, Student, cell_of, filled, position_of, save, with_cell

NONE: frozenset[str] = frozenset()


def plainly(bodies: dict[str, str]):
    """Hand in these answers, and do nothing else."""
    return lambda course, folder: save(filled(course.notebook, bodies), folder)


def attack(source: str, bodies: dict[str, str] | None = None, before: str = LOSS):
    """Hand in a notebook with a cell of one's own before a question."""
    return lambda course, folder: save(with_cell(filled(course.notebook, bodies or ONE_LINE), source, before), folder)


def widened(course: Course, folder: Path) -> None:
    save(with_cell(filled(course.notebook, answers.WIDENED), answers.WIDE_CELL, before=LOSS), folder)


def hard_coded(course: Course, folder: Path) -> None:
    """Compute what the visible batch needs once, and return those numbers for ever."""
    from dacl_edu_course.questions.batches import unlike_batches

    bodies = {}
    for name, right in ONE_LINE.items():
        namespace: dict[str, object] = {}
        exec(f"import torch\ndef f(x, a, y, c):\n{textwrap.indent(textwrap.dedent(right).strip(), '    ')}", namespace)
        values = [namespace["f"](**batch).detach().tolist() for batch in unlike_batches(0, "x", "a", "y", "c")]  # type: ignore[operator]
        bodies[name] = f"known = {values}\nreturn next(t for t in map(torch.tensor, known) if t.shape in ((), x.shape))"
    save(filled(course.notebook, bodies), folder)


def deleted_cell(course: Course, folder: Path) -> None:
    notebook = filled(course.notebook, ONE_LINE)
    del notebook.cells[position_of(notebook, GRADIENT_X)]
    save(notebook, folder)


def doubled_cells(course: Course, folder: Path) -> None:
    """An old, wrong try stands before the right one, and a test cell stands there twice."""
    notebook = filled(course.notebook, ONE_LINE)
    old = copy.deepcopy(cell_of(notebook, LOSS))
    old.source = old.source.replace(".mean()", ".sum()")
    notebook.cells.insert(position_of(notebook, LOSS), old)
    notebook.cells.append(copy.deepcopy(cell_of(notebook, f"test_{LOSS}")))
    save(notebook, folder)


def moved_cells(course: Course, folder: Path) -> None:
    notebook = filled(course.notebook, ONE_LINE)
    notebook.cells = notebook.cells[:1] + notebook.cells[:0:-1]
    save(notebook, folder)


def edited_tests(course: Course, folder: Path) -> None:
    """Two answers are wrong, and every test says that all is well."""
    notebook = filled(course.notebook, ONE_LINE | {LOSS: answers.WRONG_ALL[LOSS], GRADIENT_X: "return x"})
    for name in answers.QUESTIONS:
        cell_of(notebook, f"test_{name}").source = "print('right')"
    save(notebook, folder)


def other_kernel(course: Course, folder: Path) -> None:
    notebook = filled(course.notebook, ONE_LINE)
    notebook.metadata.kernelspec = {"name": "ir", "display_name": "R", "language": "R"}
    notebook.metadata.language_info = {"name": "R"}
    save(notebook, folder)


def renamed(course: Course, folder: Path) -> None:
    save(filled(course.notebook, ONE_LINE), folder / "my homework", "Untitled (final) ÄÖ #2.ipynb")


def syntax_error(course: Course, folder: Path) -> None:
    notebook = filled(course.notebook, ONE_LINE)
    cell = cell_of(notebook, GRADIENT_A)
    cell.source = cell.source.replace("return", "retrun", 1) + "\n    )"
    save(notebook, folder)


def binary(course: Course, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / f"{ASSIGNMENT}.ipynb").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40)


def nothing(course: Course, folder: Path) -> None:
    folder.mkdir(parents=True)


def twice(course: Course, folder: Path) -> None:
    """A wrong notebook on Monday, a right one on Tuesday."""
    save(filled(course.notebook, answers.WRONG_ALL), folder, "first try.ipynb")
    save(filled(course.notebook, ONE_LINE), folder, "better.ipynb")
    os.utime(folder / "first try.ipynb", (1_790_000_000, 1_790_000_000))
    os.utime(folder / "better.ipynb", (1_790_086_400, 1_790_086_400))


def endless(course: Course, folder: Path) -> None:
    save(filled(course.notebook, ONE_LINE | {GRADIENT_X: "while True:\n    pass"}), folder)


def reads_gradebook(course: Course, folder: Path) -> None:
    wrong = dict.fromkeys(answers.QUESTIONS, hostile.READ_GRADEBOOK_ANSWER)
    attack(hostile.READ_GRADEBOOK % (course.folder, course.folder), wrong)(course, folder)


def reads_another(course: Course, folder: Path) -> None:
    name = f"{ASSIGNMENT}.ipynb"
    victims = (course.folder / "submitted" / "ada" / ASSIGNMENT / name, course.downloads / "ada" / name)
    bodies = {name: hostile.FOUND_ANSWER.format(name=name) for name in answers.QUESTIONS}
    attack(hostile.READ_ANOTHER % victims, bodies)(course, folder)


def fetches(course: Course, folder: Path) -> None:
    bodies = {name: hostile.FOUND_ANSWER.format(name=name) for name in answers.QUESTIONS}
    attack(hostile.NETWORK % (course.port, course.port), bodies)(course, folder)


CLASS = (
    Student("ada", "right", "one line each", plainly(ONE_LINE), ALL),
    Student("ben", "right", "einsum", plainly(answers.EINSUM), ALL),
    Student("chloe", "right", "loops over single numbers", plainly(answers.LOOPS), ALL),
    Student("dev", "right", "widens half precision, helpers in another cell", widened, ALL),
    Student("emma", "right", "one-hot matrices", plainly(answers.ONE_HOT), ALL),
    Student(
        "finn",
        "wrong",
        "doubled the loss",
        plainly(ONE_LINE | {LOSS: "return 2 * ((1 + (a * (x - c[y]) ** 2).sum(1)).sqrt() - 1).mean()"}),
        ALL - {LOSS},
        "2 times",
    ),
    Student(
        "gita",
        "wrong",
        "forgot 1/m in both gradients",
        plainly(
            ONE_LINE
            | {
                GRADIENT_X: ONE_LINE[GRADIENT_X].removesuffix(" / len(x)"),
                GRADIENT_A: ONE_LINE[GRADIENT_A].replace("(2 * len(x))", "2"),
            }
        ),
        ALL - {GRADIENT_X, GRADIENT_A},
        "look for a factor",
    ),
    Student(
        "hugo",
        "wrong",
        "sign of the gradient, nothing in question 4",
        plainly(
            {k: v for k, v in (ONE_LINE | {GRADIENT_X: "return a * (c[y] - x) / len(x)"}).items() if k != FUNCTION}
        ),
        ALL - {GRADIENT_X, FUNCTION},
        "wrong sign",
    ),
    Student(
        "ines",
        "wrong",
        "ignored the incoming gradient",
        plainly(ONE_LINE | {FUNCTION: ONE_LINE[FUNCTION].replace("incoming * ", "")}),
        ALL - {FUNCTION},
        "from above",
    ),
    Student("jon", "wrong", "wrote down the visible numbers", hard_coded, NONE, "Where to look"),
    Student("kaya", "damaged", "deleted a solution cell", deleted_cell, ALL - {GRADIENT_X}, "was deleted"),
    Student("liam", "damaged", "doubled cells, the old try first", doubled_cells, ALL, "2 times"),
    Student("mina", "damaged", "cells in reverse order", moved_cells, ALL, "moved"),
    Student(
        "noah",
        "damaged",
        "edited every test cell, two wrong answers",
        edited_tests,
        ALL - {LOSS, GRADIENT_X},
        "had been edited",
    ),
    Student("olga", "damaged", "saved with a kernel for R", other_kernel, ALL, "kernel for"),
    Student("paul", "damaged", "renamed the file", renamed, ALL),
    Student("quinn", "damaged", "a syntax error", syntax_error, ALL - {GRADIENT_A}, "SyntaxError"),
    Student("rosa", "damaged", "a picture named .ipynb", binary, NONE, "notebook"),
    Student("sam", "damaged", "an empty folder", nothing, NONE, "no notebook"),
    Student("tara", "damaged", "handed in twice", twice, ALL, "Handed in 2 times"),
    Student("uma", "hostile", "an infinite loop", endless, ALL - {GRADIENT_X}, "was stopped"),
    Student("vik", "hostile", "takes all memory", attack(hostile.MEMORY_BOMB), ALL, "memory"),
    Student("wren", "hostile", "prints a gigabyte", attack(hostile.GIGABYTE), ALL, "printed"),
    Student(
        "xena",
        "hostile",
        "sys.exit, then os._exit",
        attack("import sys\nsys.exit(0)", ONE_LINE | {GRADIENT_A: "import os\nos._exit(0)"}),
        ALL - {GRADIENT_A},
        "sys.exit",
    ),
    Student("yuri", "hostile", "a fork bomb", attack(hostile.FORK_BOMB), ALL, "processes"),
    Student("zoe", "hostile", "reads the gradebook and the sources", reads_gradebook, NONE),
    Student("abel", "hostile", "reads another's submission", reads_another, NONE),
    Student("bea", "hostile", "replaces the checker and torch", attack(hostile.MONKEY_PATCH, answers.WRONG_ALL), NONE),
    Student(
        "carl",
        "hostile",
        "prints what is expected",
        attack(hostile.PRINT_EXPECTED, dict.fromkeys(answers.QUESTIONS, hostile.PRINT_EXPECTED_ANSWER)),
        NONE,
    ),
    Student(
        "dora",
        "hostile",
        "fetches answers from the network",
        fetches,
        NONE,
        "network",
    ),
)
