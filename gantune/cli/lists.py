"""What there is: families, spaces, datasets, schemas; and whether this machine is fit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gantune.cli.app import RUNS, Json, Runs, app, json_flag, print_json
from gantune.cli.cluster import ClusterFile, Local, head_for, there
from gantune.cli.tables import print_table

if TYPE_CHECKING:
    from gantune.families.base import Family


@app.command()
def families(as_json: Json = False) -> None:
    """GAN families that can be trained and swept."""
    from gantune.config import declared_params
    from gantune.families import family_names, open_family
    from gantune.families.base import NEEDED

    opened = [open_family(name) for name in family_names()]
    if as_json:
        print_json(
            [
                {
                    "name": family.name,
                    "paper": family.paper,
                    "default_data": family.default_data,
                    "needs": family.needs,
                    "canonical": dict(family.canonical),
                    "equilibrium": _equilibrium(family),
                    "parameters": [
                        {"name": p.name, "default": p.default, "allowed": p.allowed, "doc": p.doc} for p in declared_params(family).values()
                    ],
                }
                for family in opened
            ]
        )
        return
    rows = [[f.name, f.paper, NEEDED[f.needs], f.default_data, " ".join(f"{k}={v}" for k, v in f.canonical.items())] for f in opened]
    print_table(["family", "paper", "needs", "data", "canonical setting"], rows)


def _equilibrium(family: Family[Any, Any]) -> dict[str, float | None] | None:
    """D's loss at p = q at the canonical setting, and the scale of distances from it; None for a family without such a value."""
    from gantune.config import Config

    found = family.equilibrium(Config.of(family, family.default_data, {}).hparams)
    return None if found is None else {"value": found.value, "scale": found.scale}


@app.command()
def datasets(as_json: Json = False) -> None:
    """Data sets by name, and the kinds of data of your own, by path."""
    from gantune.data import describe_datasets, describe_paths

    described, own = describe_datasets(), describe_paths()
    if as_json:
        print_json(described)
        return
    named = [
        [d["name"], "x".join(map(str, d["shape"] or ["?"])), _holds(d), _count(d["n_train"]), _count(d["n_heldout"]), d["source"]]
        for d in described
    ]
    rows = [*named, *([name, "", "", "", "", about] for name, about in own.items())]
    print_table(["name", "shape", "holds", "train", "held out", "source"], rows)


def _holds(data: dict[str, Any]) -> str:
    """What families of one kind or another need of it."""
    if data["domains"] == 2:
        return "pairs" if data["paired"] else "two domains"
    if len(data["shape"]) == 2:
        return "queries"
    if data["classes"]:
        return f"{data['classes']} classes"
    return f"{data['attributes']} attributes" if data["attributes"] else ""


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"


@app.command()
def spaces(as_json: Json = False) -> None:
    """Search spaces: those of this folder and the bundled ones."""
    from gantune.bundled import list_spaces

    described = list_spaces()
    if as_json:
        print_json(described)
        return
    print_table(["name", "file", "searches"], [[d["name"], d["path"], ", ".join(d["parameters"])] for d in described])


@app.command()
def schema(
    kind: Annotated[str, typer.Argument(help="sweep or space")] = "sweep",
) -> None:
    """JSON Schema of the YAML files, for editors."""
    from gantune.schema import json_schema

    print_json(json_schema(kind))


@app.command()
def doctor(local: Local = False, cluster: ClusterFile = None, runs: Runs = RUNS, as_json: Json = False) -> None:
    """What is wrong with this machine, or each node of the cluster, and how to mend it. Exit code 1 when something is."""
    head = head_for(local, cluster, runs)
    if head is not None:
        there(head, "doctor", *json_flag(as_json))
    from gantune.doctor import examine

    checks = examine(Path(runs), local=local)
    if as_json:
        print_json([{"node": c.node or None, "name": c.name, "ok": c.ok, "found": c.found, "mend": c.mend} for c in checks])
    else:
        rows = [["ok" if c.ok else "WRONG", c.node, c.name, c.found, "" if c.ok else c.mend] for c in checks]
        columns = ["", "node", "check", "found", "mend"]
        if not any(check.node for check in checks):  # one machine
            rows, columns = [[row[0], *row[2:]] for row in rows], [columns[0], *columns[2:]]
        print_table(columns, rows)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)
