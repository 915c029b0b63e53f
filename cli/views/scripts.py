"""Variables in the languages of shells."""

from __future__ import annotations

from ca.documents.scripts import EnvDocument


def env_text(document: EnvDocument, form: str) -> str:
    """One assignment a line, quoted for the shell that reads it."""
    line = {"sh": _sh, "pwsh": _pwsh, "dotenv": _dotenv}[form]
    return "\n".join(line(name, value) for name, value in document.variables.items())


def _sh(name: str, value: str) -> str:
    quoted = value.replace("'", "'\\''")
    return f"export {name}='{quoted}'"


def _pwsh(name: str, value: str) -> str:
    quoted = value.replace("'", "''")
    return f"$env:{name} = '{quoted}'"


def _dotenv(name: str, value: str) -> str:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'{name}="{quoted}"'
