"""The public names: each on the API page, and each docstring says what one has to know."""

import dataclasses
import inspect
import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs" / "_ext"))
docscrape = pytest.importorskip("numpydoc.docscrape")

from public_names import INSIDE, public, rooms  # noqa: E402

#: What has no example of its own: a protocol, which `build` makes; what the nonlinear proofs add up; and the two
#: that the examples of `validation.statements` are about.
NO_EXAMPLE = {"Engine", "Bound", "Options", "Statement"}

#: Names whose docstrings refer to those of a neighbour for their parameters.
REFERRING = "theory.convergence.theorem_4_3"


def everything():
    """(room, name, object) of each public callable, under the first room that has it."""
    seen = {}
    for room in rooms():
        module = import_module(room)
        for name in public(room):
            found = getattr(module, name)
            if not inspect.ismodule(found):
                seen.setdefault(id(found), (room, name, found))
    return list(seen.values())


def function_of(found):
    return getattr(found, "py_func", found)


CALLABLE = [
    one
    for one in everything()
    if (inspect.isclass(one[2]) or inspect.isfunction(function_of(one[2]))) and one[0] != REFERRING
]


def is_record(found):
    return inspect.isclass(found) and (dataclasses.is_dataclass(found) or hasattr(found, "_fields"))


def makers():
    """What the public functions and methods that have an example say they return."""
    said = []
    for _, _, found in CALLABLE:
        members = [f for _, f in inspect.getmembers(found, inspect.isroutine)] if inspect.isclass(found) else []
        for function in (function_of(found), *(getattr(f, "__func__", f) for f in members)):
            if inspect.isfunction(function) and ">>>" in (inspect.getdoc(found) or ""):
                said.append(str(function.__annotations__.get("return", "")))
    return " ".join(said)


MADE = makers()


def faults(name, found, made=None):
    """What is missing in a docstring."""
    function, text = function_of(found), inspect.getdoc(function_of(found)) or ""
    if not text:
        return ["a docstring"]
    doc, missing = docscrape.NumpyDocString(text), []
    told = {
        word.strip().lstrip("*")
        for section in ("Parameters", "Other Parameters", "Attributes")
        for one in doc[section]
        for word in one.name.split(",")
    }
    is_exception = inspect.isclass(found) and issubclass(found, Exception)
    if not is_exception and not getattr(found, "_is_protocol", False):
        missing += [f"parameter {word}" for word in inspect.signature(function).parameters if word not in told]
    source = ""
    if getattr(found, "_is_protocol", False):
        pass
    elif inspect.isclass(found):
        own = [m for n, m in vars(found).items() if n in ("__init__", "__post_init__") and inspect.isfunction(m)]
        own = [method for method in own if not method.__code__.co_filename.startswith("<")]  # of a dataclass
        source = "\n".join(inspect.getsource(method) for method in own)
    else:
        source = inspect.getsource(function)
        if not (doc["Returns"] or doc["Yields"]) and function.__annotations__.get("return", "None") != "None":
            missing.append("Returns")
    if re.search(r"^\s+raise \w+Error", source, re.M) and not doc["Raises"]:
        missing.append("Raises")
    shown = is_record(found) and re.search(rf"\b{found.__name__}\b", MADE if made is None else made)
    if ">>>" not in text and not (shown or is_exception or name in NO_EXAMPLE):
        missing.append("an example")
    return missing


@pytest.mark.parametrize(
    ("room", "name", "found"), CALLABLE, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_docstring_is_complete(room, name, found):
    assert faults(name, found) == [], f"{room}.{name}"


def test_a_docstring_that_is_not_complete_is_noticed():
    def f(x, y: int) -> int:
        """Add.

        Parameters
        ----------
        x : int
        """
        if y < 0:
            raise ValueError("y")
        return x + y

    @dataclasses.dataclass
    class Record:
        """A record.

        Attributes
        ----------
        a : int
        """

        a: int

    assert faults("f", f) == ["parameter y", "Returns", "Raises", "an example"]
    assert faults("Record", Record) == ["an example"]
    assert faults("Record", Record, made="list[Record]") == []
    assert faults("g", lambda: 1) == ["a docstring"]


def test_every_public_name_is_on_the_page():
    pytest.importorskip("click")
    import generated_pages

    page = generated_pages.api()
    listed, room = set(), ""
    for line in page.splitlines():
        if line.startswith(".. currentmodule:: "):
            room = line.split()[-1]
        elif re.fullmatch(r"   [A-Za-z_]\w*", line):
            listed.add(id(getattr(import_module(room), line.strip())))
    assert len(listed) > 150
    for floor_or_room in rooms():
        module = import_module(floor_or_room)
        for name in getattr(module, "__all__", []):
            found = getattr(module, name)
            if inspect.ismodule(found):  # its own names are listed
                assert found.__name__ in {*rooms(), *INSIDE}, found
            else:
                assert id(found) in listed, f"{floor_or_room}.{name}"


def test_a_room_in_no_group_is_noticed(monkeypatch):
    import public_names

    kept = {group: members for group, members in public_names.GROUPS.items() if "validation.search" not in members}
    monkeypatch.setattr(public_names, "GROUPS", kept)
    with pytest.raises(ValueError, match=r"validation\.search"):
        public_names.rooms()
