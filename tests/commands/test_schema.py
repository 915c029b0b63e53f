"""``schema``: the JSON Schema of each document."""

from __future__ import annotations

import json

from stand_in.lab import CommandLine


def test_schema_lists_prints_and_names_what_is_near(bare: CommandLine) -> None:
    names = bare("schema", "--json", home=False).json["names"]
    schema = json.loads(bare("schema", "csr", "show", home=False).out)
    wrong = bare("schema", "sgn", home=False)

    assert {"sign", "csr show", "check", "error"} <= set(names)
    assert schema["$ref"] == "#/$defs/RequestDocument"
    assert wrong.exit == 5
    assert "did you mean 'sign'?" in wrong.err
