"""Every lesson runs, its own answers are right, and a student's wrong answers are told apart from right ones."""

import re
from importlib import import_module
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import validation.lessons
from tests.validation.lessons.students import STUDENTS
from validation.lessons import Mark, check
from validation.lessons.marking import EXERCISES

ROOT = Path(__file__).parents[3]
LESSONS = sorted((ROOT / "docs" / "learn").glob("lesson_*.md"))
CELL = re.compile(r"^```\{code-cell\}.*?\n(?::tags:.*?\n)?(.*?)^```$", re.M | re.S)


def exercises(number):
    import_module(f"validation.lessons.lesson_{number}")
    return [name for name in EXERCISES if name.startswith(f"{number}.")]


@pytest.mark.parametrize("page", LESSONS, ids=lambda page: page.stem)
def test_a_lesson_and_its_students(page, monkeypatch, tmp_path):
    plt.switch_backend("Agg")
    marks, scope = [], {"__name__": page.stem}

    def recorded(*given):
        marks.append(check(*given))
        return marks[-1]

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(validation.lessons, "check", recorded)
    for cell in CELL.findall(page.read_text(encoding="utf-8")):
        exec(compile(cell, page.name, "exec"), scope)
    plt.close("all")

    number = int(page.stem.split("_")[1])
    names = exercises(number)
    assert len(names) >= 3
    assert [mark.status for mark in marks if mark.status == "not yet"] == [], marks
    assert [mark.exercise for mark in marks if mark.status == "open"] == names  # asked once, in order
    assert [mark.exercise for mark in marks if mark] == names  # and answered once, rightly

    for name in names:
        assert name in STUDENTS, f"{name}: no student answers it in the tests"
        student = STUDENTS[name]
        given = eval(f"({student.given},)", scope) if student.given else ()
        for right in student.right:
            assert check(name, eval(right, scope), *given), (name, right, check(name, eval(right, scope), *given))
        lines = set()
        for wrong, words in student.wrong.items():
            mark = check(name, eval(wrong, scope), *given)
            assert mark.status == "not yet", (name, wrong, mark)
            assert words in mark.line, (name, wrong, mark)
            lines.add(mark.line)
        assert len(lines) >= 2, name


def test_a_number_that_is_none_is_refused():
    with pytest.raises(ValueError, match="name: expected the number of an exercise"):
        check("9.1", 1.0)


def test_an_answer_that_is_not_there_yet_is_open():
    assert check("1.1", ...) == Mark("1.1", "open", "replace ... by your answer and run the cell again")


def test_all_exercises_are_in_a_lesson():
    pages = "\n".join(page.read_text(encoding="utf-8") for page in LESSONS)
    assert all(f'check("{name}"' in pages for number in range(1, len(LESSONS) + 1) for name in exercises(number))
