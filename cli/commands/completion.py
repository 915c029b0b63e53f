"""``sipca completion``."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.commands.arguments import one_of

SCRIPTS = {
    "bash": """\
_sipca_complete() {
    local each line="${COMP_LINE:0:${COMP_POINT:-0}}"
    [[ -n "$line" ]] || line="${COMP_WORDS[*]:0:COMP_CWORD+1}"
    COMPREPLY=()
    while IFS= read -r each; do
        COMPREPLY+=("$each")
    done < <(sipca __complete --bash "$line" "$COMP_WORDBREAKS" 2>/dev/null)
}
complete -o default -o bashdefault -F _sipca_complete sipca
""",
    "zsh": """\
#compdef sipca
_sipca() {
    local -a found
    found=("${(@f)$(sipca __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n "${found[1]}" ]]; then
        compadd -a found
    else
        _files
    fi
}
compdef _sipca sipca
""",
    "fish": """\
function __sipca_complete
    set -l begun (commandline -ct)
    set -l plain (string unescape -- "$begun")
    or set plain (string trim --left --chars "'\\"" -- "$begun")
    set -l found (sipca __complete (commandline -opc)[2..] "$plain" 2>/dev/null)
    if test (count $found) -gt 0
        string match --invert '~*' -- $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c sipca -f -a '(__sipca_complete)'
""",
}
"""Zsh and fish quote what they insert, fish all but a first ``~``: such names it does not offer.

Bash inserts what it is given, so ``for_bash`` quotes.
"""


def completion_command(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
) -> None:
    """The completion script of a shell; names complete from the register.

    Example: source <(sipca completion bash)
    """
    one_of("SHELL", shell, tuple(SCRIPTS))
    print(SCRIPTS[shell], end="")
