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
