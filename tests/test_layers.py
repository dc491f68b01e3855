"""Three floors: imports point down only, and the teaching text stays as it is meant."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {"fa_ref": {"theory", "validation"}, "theory": {"validation"}, "validation": set()}


def imported(source):
    """Top-level names that a module's source imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("floor", FORBIDDEN)
def test_imports_point_down(floor):
    files = sorted((ROOT / floor).rglob("*.py"))
    assert files
    for file in files:
        upward = imported(file.read_text()) & FORBIDDEN[floor]
        assert not upward, f"{file.relative_to(ROOT)} imports {upward}"


def test_the_check_sees_an_upward_import():
    source = "def f():\n    from theory.kernels import mean_kernel\n"
    assert imported(source) & FORBIDDEN["fa_ref"] == {"theory"}


def test_the_oracle_imports_nothing_of_ours():
    assert not imported((ROOT / "tests" / "naive.py").read_text()) & set(FORBIDDEN)


def test_the_loops_have_no_fastmath_and_no_blas():
    source = (ROOT / "fa_ref" / "loops.py").read_text()
    assert "fastmath" not in source
    assert "@ " not in source.replace("@njit", "")
    assert "dot" not in source
    assert not any(isinstance(node, ast.MatMult) for node in ast.walk(ast.parse(source)))


def parameters(function):
    """How many parameters a function has."""
    given = function.args
    return len(given.posonlyargs + given.args + given.kwonlyargs)


def functions(source, name=""):
    """Functions of a module, each with whether a compiler takes it: those of an engine's kernels are."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (
                node,
                name.endswith("/kernels.py")
                or any("jit" in ast.dump(decorator) for decorator in node.decorator_list),
            )


CODE = (*FORBIDDEN, "studies", "benchmarks", "docs", "tests")

#: Lines of a file. A file of tests goes through many cases of one thing, and may be longer.
LINES = {top: 500 if top == "tests" else 300 for top in CODE}


def sources(top):
    """The modules of a folder that are ours: not what a build leaves there."""
    files = [file for file in sorted((ROOT / top).rglob("*.py")) if "_build" not in file.parts]
    assert files, top
    return files


@pytest.mark.parametrize("top", CODE)
def test_files_and_functions_stay_readable(top):
    """At most 300 lines a file, 500 of tests, and 12 parameters a function, 14 a compiled one."""
    for file in sources(top):
        source, name = file.read_text(encoding="utf-8"), file.relative_to(ROOT).as_posix()
        assert len(source.splitlines()) <= LINES[top], name
        for function, compiled in functions(source, name):
            allowed = 14 if compiled else 12
            assert parameters(function) <= allowed, (name, function.name, parameters(function))


def test_the_check_sees_too_many_parameters():
    source = f"def f({', '.join(f'a{k}' for k in range(13))}): pass"
    assert [parameters(function) for function, _ in functions(source)] == [13]


@pytest.mark.parametrize("top", CODE)
def test_no_folder_is_crowded(top):
    modules = [file for file in sources(top) if file.name != "__init__.py"]
    for folder, count in Counter(file.parent for file in modules).items():
        assert count <= 14, folder.relative_to(ROOT)


def test_the_definition_fits_a_page():
    assert len((ROOT / "fa_ref" / "loops.py").read_text(encoding="utf-8").splitlines()) <= 70


#: Errors of what was given; others are our own, or a lesson's answers.
REFUSALS = {"ValueError", "TypeError", "OSError", "PermissionError", "AmbiguousHeadingsError"}

#: "NAME: expected X, got Y" in one line.
FORM = re.compile(r"(\{[^{}]*\}|[^:{}\n])+: expected [^\n]+, got [^\n]+")

#: Where the form does not fit, by the beginning of the message.
OTHERWISE = {
    "--{name} cannot be combined with": "neither value is wrong by itself",
    "fa-ref lab needs {missing[0]}, which is not installed": "there is no value: something has to be installed",
    "cluster: expected Dask to be installed": "there is no value: something has to be installed",
    "{self.name}.{found}": "completed by `contradiction`, in the form",
    # Reasons that a reader of a file puts in the parentheses of its own message.
    "the key {twice[:20]!r} twice": "a reason, see `parse_json`",
    "{name} is no number": "a reason, see `parse_json`",
    "{name} is encrypted": "a reason, see `read_npz`",
    "{text} is no number in JSON": "a reason, see `checker.reading.read`",
    "a name is given twice": "a reason, see `checker.reading.read` and `StateCertificate.load`",
    "another format": "a reason, see `StateCertificate.load`",
}


def literal(node):
    """The text of a message, with the expressions in it as they are written; "" where it is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            part.value if isinstance(part, ast.Constant) else ast.unparse(ast.JoinedStr([part]))[2:-1]
            for part in node.values
        )
    return ""


def messages(source):
    """What a module says when it refuses something, each with its line."""
    for node in ast.walk(ast.parse(source)):
        call = node.exc if isinstance(node, ast.Raise) else None
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in REFUSALS:
            yield node.lineno, literal(call.args[0]) if call.args else ""


def out_of_form(source):
    """Messages that are neither in the form nor listed."""
    return [
        (line, said)
        for line, said in messages(source)
        if not FORM.fullmatch(said) and not any(said.startswith(known) for known in OTHERWISE)
    ]


@pytest.mark.parametrize("floor", FORBIDDEN)
def test_errors_say_what_was_expected_and_what_came(floor):
    for file in sorted((ROOT / floor).rglob("*.py")):
        assert out_of_form(file.read_text(encoding="utf-8")) == [], file.relative_to(ROOT)


@pytest.mark.parametrize(
    "said",
    ['"bad value"', '"n: expected a number"', 'f"n: expected 3,\\n got {n}"', 'f"n = {n}: wrong"', "reason", ""],
)
def test_the_check_sees_another_form(said):
    assert out_of_form('raise ValueError(f"n: expected 3, got {n}")') == []
    assert len(out_of_form(f"raise ValueError({said})")) == 1


def test_every_message_that_is_excepted_is_there():
    said = [
        text
        for floor in FORBIDDEN
        for file in (ROOT / floor).rglob("*.py")
        for _, text in messages(file.read_text())
    ]
    assert [known for known in OTHERWISE if not any(text.startswith(known) for text in said)] == []
