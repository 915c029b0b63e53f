"""The answer of ``env``: variable assignments, quoted for each shell."""

from __future__ import annotations

import re

from ca.documents.env import EnvDocument
from cli.terminal import verbatim

_PWSH_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")
"""What ends a single-quoted text in PowerShell: typographic quotes do, too."""


ABOUT_CRLS = (
    "SIPCA_CRLS is what servers want that check CRLs: with SIPCA_CRL, the issuing CA's alone, "
    "nginx, HAProxy, Kamailio and OpenSIPS refuse every client"
)


def env_text(document: EnvDocument, form: str) -> str:
    """One assignment a line, quoted for the shell that reads it."""
    line = FORMS[form]
    return verbatim("\n".join(line(name, value) for name, value in document.variables.items()))


def _sh(name: str, value: str) -> str:
    quoted = value.replace("'", "'\\''")
    return f"export {name}='{quoted}'"


def _pwsh(name: str, value: str) -> str:
    quoted = _PWSH_QUOTES.sub(r"\g<0>\g<0>", value)
    return f"$env:{name} = '{quoted}'"


def _dotenv(name: str, value: str) -> str:
    """Quoted for most .env readers: in single quotes, literally, if the value allows it."""
    if set(value) & set('$`"\\') and not set(value) & set("'\r\n"):
        return f"{name}='{value}'"
    quoted = re.sub(r'[\\"$`]', r"\\\g<0>", value).replace("\n", "\\n").replace("\r", "\\r")
    return f'{name}="{quoted}"'


FORMS = {"sh": _sh, "pwsh": _pwsh, "dotenv": _dotenv}
"""The function that writes an assignment, by ``--format``."""
