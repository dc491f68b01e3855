"""Groups of options: each field is an option of its own, with the command's own default."""

import pytest
import typer
from typer.testing import CliRunner

from validation.commands.cli import app
from validation.commands.options import Common, Net, Penalty, Synthetic, spread


def echo(sizes: Synthetic = Synthetic(n=2, d=3), *, loud: bool = False, common: Common = Common(seed=7)) -> None:
    typer.echo(f"{sizes.n} {sizes.d} {loud} {common.seed} {common.json_file}")


def test_a_group_becomes_options_and_the_record_of_what_was_typed():
    own = typer.Typer()
    own.command()(spread(echo))
    for words, said in (([], "2 3 False 7 None"), (["--d", "9", "--seed", "1", "--loud"], "2 9 True 1 None")):
        assert CliRunner().invoke(own, words).output.strip() == said
    assert CliRunner().invoke(own, ["--n", "0"]).exit_code == 2


def bare(net: Net) -> None:
    typer.echo(net)


def test_a_field_without_a_default_must_be_typed():
    own = typer.Typer()
    own.command()(spread(bare))
    assert "Missing option '--p'" in CliRunner().invoke(own, []).output
    assert CliRunner().invoke(own, ["--p", "3"]).output == "Net(p=3, activation='tanh')\n"


@pytest.mark.parametrize("command", ["train", "certify"])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cutoff", "5"], "--cutoff: expected together with --ridge"),
        (["--ridge", "-1"], "--ridge: expected a finite number >= 0, got -1"),
        (["--ridge", "1", "--cutoff", "-1"], "--cutoff: expected an integer >= 0, got -1"),
    ],
)
def test_every_command_refuses_the_same_penalties(command, words, message):
    done = CliRunner().invoke(app, [command, "--n", "2", "--d", "2", "--p", "2", *words])
    assert done.exit_code == 2
    assert message in done.output


def test_the_penalty_that_was_typed():
    assert Penalty().schedule().total == 0.0
    assert Penalty(ridge=0.5, cutoff=1).schedule().total == 1.0
