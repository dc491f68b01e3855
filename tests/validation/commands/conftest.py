"""A command in this process: for mistakes quicker than a process of its own, and what is printed is the same."""

import sys
from typing import NamedTuple

import pytest

from validation.commands import cli


class Done(NamedTuple):
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def call(monkeypatch, capsys):
    """Run a command with these words."""

    def run(*words):
        monkeypatch.delenv("FA_REF_MNIST", raising=False)
        monkeypatch.setattr(sys, "argv", ["fa-ref", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return Done(ended.value.code, *capsys.readouterr())

    return run
