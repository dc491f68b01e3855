"""What the pages show is run: the README's Python, in order, as a reader would paste it."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PATHS = re.compile(
    r"\b(?:benchmarks|docs|fa_ref|gallery|studies|tests|theory|validation)/[\w/]+\.(?:json|md|py|sh)\b"
)


def blocks(page):
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)


def test_the_readme_runs(capsys):
    code = "\n".join(blocks("README.md"))
    exec(compile(code, "README.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed == ["completed holds True holds"]


def test_the_readme_opens_with_the_two_commands():
    lines = [line.strip() for line in (ROOT / "README.md").read_text().splitlines() if line.strip()]
    assert lines[0] == "# fa-ref"
    assert [line.split("#")[0].strip() for line in lines[1:3]] == ["make verify", "make test"]
    table = [line for line in lines if line.startswith("| ") and "Theorem 3.2" in line]
    assert len(table) == 1
    assert lines.index(table[0]) < 24  # on the first screen


def test_the_readme_names_twelve_jobs():
    code = "\n".join(blocks("README.md"))
    assert [int(number) for number in re.findall(r"# (\d+)\. ", code)] == list(range(1, 13))


PAGES = sorted(
    page.relative_to(ROOT / "docs")
    for page in (ROOT / "docs").rglob("*.md")
    if not {"_build", "generated", "statements"} & set(page.parts)
    and page.name not in ("commands.md", "api.md", "statements.md")
)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_page_is_reached_from_a_table_of_contents(page):
    listed = set()
    for other in (ROOT / "docs").rglob("*.md"):
        for block in re.findall(r"```\{toctree\}\n(.*?)```", other.read_text(), flags=re.DOTALL):
            names = (line.strip() for line in block.splitlines() if line.strip() and not line.startswith(":"))
            listed |= {(other.parent / name).resolve() for name in names}
    assert str(page) == "index.md" or (ROOT / "docs" / page).with_suffix("").resolve() in listed


MARKERS = [
    (page, name)
    for page in PAGES
    for name in re.findall(r"<!-- study: (.*?) -->", (ROOT / "docs" / page).read_text())
]


@pytest.mark.parametrize(("page", "name"), MARKERS, ids=str)
def test_every_measured_table_says_where_it_comes_from(page, name):
    content = json.loads((ROOT / "docs" / "_data" / f"{name}.json").read_text())
    module = re.match(r"python -m (studies[.\w]+)", content["command"])[1]
    assert (ROOT / module.replace(".", "/")).with_suffix(".py").is_file()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", content["date"])
    assert isinstance(content["rerun"], bool)
    assert content["rows"]
    assert all(len(row) == len(content["columns"]) for row in content["rows"])


def test_no_study_is_without_a_page():
    shown = {name for _, name in MARKERS}
    assert {path.stem for path in (ROOT / "docs" / "_data").glob("*.json")} <= shown


def named_in_vain(text):
    """Files of ours that a text names and that do not exist."""
    return {path for path in PATHS.findall(text) if not (ROOT / path).exists()}


def test_every_file_that_is_named_exists():
    folders = ("benchmarks", "docs", "fa_ref", "studies", "tests", "theory", "validation")
    texts = [
        path for folder in folders for kind in ("*.py", "*.md", "*.sh") for path in (ROOT / folder).rglob(kind)
    ]
    texts = [path for path in texts if "_build" not in path.parts and "generated" not in path.parts]
    assert len(texts) > 300
    missing = {
        str(path.relative_to(ROOT)): named_in_vain(path.read_text("utf-8")) for path in [*texts, *ROOT.glob("*.md")]
    }
    assert not {path: names for path, names in missing.items() if names}


def test_a_file_that_has_moved_would_be_missed():
    moved = "/".join(("tests", "theory", "test_gone.py"))
    assert named_in_vain(f"see `{moved}` and tests/test_docs.py") == {moved}


#: Mathematics that is not LaTeX: in Unicode, or n = 5. Signs that prose has too (± × · − →) are not looked for.
NOT_LATEX = re.compile(
    "[\u0370-\u03ff‖√∑∏∫∂∇≤≥≈≡≠≪≫∞∈∠⊥ᵀḠ²³¹⁰⁴-⁹⁻⁺₀-₉½¼¾]"
    r"|[A-Za-z]\u0304|\u2032(?<=[^A-Z]\u2032)|\b[A-Za-z] = \d"
)

#: What is no prose: front matter, fenced blocks, comments, code, formulas. A page's title is a browser tab's too.
NO_PROSE = re.compile(
    r"\A---\n.*?\n---\n|^(`{3,}|~{3,}).*?^\1|<!--.*?-->|\$\$.*?\$\$|(?<!`)(`+)(?!`).*?(?<!`)\2(?!`)"
    r"|(?<!\\)\$[^$]*\$|^# [^\n]*",
    flags=re.DOTALL | re.MULTILINE,
)


def unicode_mathematics(text):
    """Lines of a page, without what is no prose, that hold mathematics in Unicode, with their numbers."""
    prose = NO_PROSE.sub(lambda found: "\n" * found[0].count("\n"), text)
    return [(k, line) for k, line in enumerate(prose.splitlines(), 1) if NOT_LATEX.search(line)]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_mathematics_is_latex(page):
    assert unicode_mathematics((ROOT / "docs" / page).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "_data").glob("*.json")), ids=lambda path: path.stem)
def test_mathematics_in_measured_tables_is_latex(path):
    content = json.loads(path.read_text(encoding="utf-8"))
    cells = [*content["columns"], *(str(cell) for row in content["rows"] for cell in row), content["note"]]
    assert unicode_mathematics("\n".join(cells)) == []


@pytest.mark.parametrize(
    "line", ["for every ψ", "‖e‖", "by 10⁻³", "√p", "ψ′", "the last β", "½ of it", "p ≤ 3", "x₁", "at n = 5"]
)
def test_the_check_sees_unicode_mathematics(line):
    clean = "# Of γ\n\n`ψ(z)` and $ψ$\n\n```python\nβ = 1\n```\n\n$$β$$\n"
    assert unicode_mathematics(clean) == []
    assert unicode_mathematics(f"{clean}\n{line}\n") == [(11, line)]
