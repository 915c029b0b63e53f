"""``sipca schema``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cli.options import settings_of
from cli.output import print_json


def schema_command(
    ctx: typer.Context,
    name: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]", help="A command, as: csr show.")
    ] = None,
) -> None:
    """The JSON Schema of a command's --json document; without a name, all names.

    lab is that of the files that sipca apply takes.

    Example: sipca schema sign
    """
    from ca.documents.schema import names, schema_of

    if name == ["lab"]:
        from ca.lab.lab_file import lab_schema

        print(json.dumps(lab_schema(), indent=2))
        return
    if name:
        print(json.dumps(schema_of(" ".join(name)), indent=2))
        return
    document = names()
    if settings_of(ctx).json:
        print_json(document)
    else:
        print("\n".join(document.names))
