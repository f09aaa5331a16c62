"""The Typer application and the options that several verbs share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from gantune import __version__

app = typer.Typer(
    help="Finds the hyperparameters that make a GAN train.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Runs = Annotated[Path, typer.Option("--runs", envvar="GANTUNE_RUNS", help="Folder of the sweeps.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]
Sets = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; may be given again.")]
RUNS = Path("runs")


@app.callback(invoke_without_command=True)
def _root(context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        print(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


def json_flag(as_json: bool) -> list[str]:
    """`--json` for a verb that is passed on."""
    return ["--json"] if as_json else []


def print_json(content: Any) -> None:
    """Strict JSON on standard output."""
    print(json.dumps(content, indent=2, allow_nan=False))
