"""``fa-ref errata``: what fails in the paper as printed, shown beside what holds."""

from __future__ import annotations

from dataclasses import asdict

import typer

from validation.commands.console import check_json, print_table, write_json
from validation.commands.options import Common, JunitFile, spread

__all__ = ["errata"]


@spread
def errata(junit_file: JunitFile = None, common: Common = Common()) -> None:
    """Demonstrate each erratum: the printed reading failing on a counterexample, the corrected one holding."""
    from validation.errata.catalogue import demonstrate
    from validation.report.junit import write_junit

    check_json(common.json_file)
    check_json(junit_file, "--junit")
    found = demonstrate(common.seed)
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
    write_json(common.json_file, {"errata": [asdict(erratum) for erratum in found]})
    if junit_file is not None:
        cases = [(f"{erratum.number}: {erratum.place}", erratum.shown, erratum.finding) for erratum in found]
        write_junit(junit_file, cases, "fa-ref errata")
    raise typer.Exit(0 if all(erratum.shown for erratum in found) else 1)
