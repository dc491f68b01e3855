"""``fa-ref errata``: what fails in the paper as printed, shown beside what holds."""

from __future__ import annotations

from dataclasses import asdict

import typer

from validation.commands.console import JsonFile, JunitFile, Seed, check_json, print_table, write_json

__all__ = ["errata"]


def errata(json_file: JsonFile = None, junit_file: JunitFile = None, seed: Seed = 0) -> None:
    """Demonstrate each erratum: the printed reading failing on a counterexample, the corrected one holding."""
    from validation.errata.demonstrations import demonstrate
    from validation.report.junit import write_junit

    check_json(json_file)
    check_json(junit_file, "--junit")
    found = demonstrate(seed)
    print_table(
        [
            {
                "": str(erratum.number),
                "where": erratum.place,
                "printed": f"{erratum.printed}: {'holds' if erratum.printed_holds else 'fails'}",
                "corrected": f"{erratum.corrected}: {'holds' if erratum.corrected_holds else 'fails'}",
                "setting": erratum.setting,
                "finding": erratum.finding,
            }
            for erratum in found
        ]
    )
    write_json(json_file, {"errata": [asdict(erratum) for erratum in found]})
    if junit_file is not None:
        cases = [(f"{erratum.number}: {erratum.place}", erratum.shown, erratum.finding) for erratum in found]
        write_junit(junit_file, cases, "fa-ref errata")
    raise typer.Exit(0 if all(erratum.shown for erratum in found) else 1)
