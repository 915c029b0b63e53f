"""Shell completion: the candidates for the next word, including names from the register."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ca.authority.home import Home
    from cli.settings import Settings

REFS = ("show", "export", "revoke", "release")
"""Commands whose arguments are REFs."""


def candidates(words: list[str]) -> list[str]:
    """The candidates for the last word; none where the shell should complete file names."""
    *before, begun = words or [""]
    command, path, last_option = _walked(before)
    if last_option is not None:
        names = _no_options(_values(last_option, path, words))
    elif begun.startswith("-"):
        names = [name for each in command.params for name in each.opts if name.startswith("--")]
    elif hasattr(command, "list_commands"):
        names = command.list_commands(None)
    else:
        names = _no_options(_arguments(path, words))
    return sorted({each for each in names if each.startswith(begun) and each.isprintable()})


def _no_options(names: Iterable[str]) -> Iterable[str]:
    """The names that cannot be mistaken for options."""
    return (each for each in names if not each.startswith("-"))


def for_bash(line: str, breaks: str) -> list[str]:
    """What bash puts in the place of what it completes: as ``printf %q`` spells it.

    ``line`` is the command up to the cursor, ``breaks`` bash's COMP_WORDBREAKS: behind the last
    of them bash begins to replace, so that the part before it is left out here.
    """
    words, kept, quote = _split(line, breaks)
    replies = (_quoted(each[len(kept) :], quote) for each in candidates(words[1:]))
    return [each for each in replies if each is not None]


def _quoted(text: str, quote: str) -> str | None:
    """Text for bash, behind an opened quote as well; None where that cannot hold it."""
    if quote == "'":
        return None if "'" in text else text
    if quote == '"':
        return None if set(text) & set('"$`\\!') else text
    return "".join(
        each if each.isalnum() or not each.isascii() or each in "_./:@%+,=-" else f"\\{each}"
        for each in text
    )


def _split(line: str, breaks: str) -> tuple[list[str], str, str]:
    """The words of a line as bash reads them, unquoted; the last one may be empty.

    Also what of the last one stands before the part that bash replaces, and the open quote.
    """
    words, kept, quote = [""], "", ""
    letters = iter(line)
    for letter in letters:
        if letter == quote:
            quote = ""
        elif quote == "'":
            words[-1] += letter
        elif letter == "\\":
            words[-1] += next(letters, "")
        elif not quote and letter in "'\"":
            quote, kept = letter, words[-1]
        elif not quote and letter in " \t\n":
            if words[-1]:
                words.append("")
            kept = ""
        else:
            words[-1] += letter
            if not quote and letter in breaks:  # bash replaces an @ itself, as of user@host
                kept = words[-1].removesuffix("@")
    return words, kept, quote


def _walked(before: list[str]) -> tuple[Any, list[str], Any]:
    """The command that the words lead to, and the option that still wants its value."""
    from cli.command_table import COMMANDS
    from cli.groups import root_group

    command: Any = root_group(COMMANDS)
    path: list[str] = []
    waiting: Any = None
    for word in before:
        if waiting is not None:
            waiting = None
        elif word.startswith("-"):
            waiting = _takes_value(command, word)
        elif hasattr(command, "get_command"):
            inner = command.get_command(None, word)
            if inner is None:
                break
            command = inner
            path.append(word)
    return command, path, waiting


def _takes_value(command: Any, word: str) -> Any:
    """The option that a word names, if its value is to follow."""
    for parameter in command.params:
        if word in parameter.opts:
            return None if getattr(parameter, "is_flag", False) else parameter
    return None


def _values(option: Any, path: list[str], words: list[str]) -> Iterable[str]:
    from cli.values import choice_of

    if "--device" in option.opts:
        return _devices(words)
    if "--supersedes" in option.opts:
        return _refs(words)
    choice = choice_of(option, tuple(path))
    return () if choice is None else choice(tuple(path), _home_folder(words))


def _arguments(path: list[str], words: list[str]) -> Iterable[str]:
    from cli.values import ARGUMENTS

    command = " ".join(path)
    if command in REFS:
        return _refs(words)
    if command in ("device show", "device set", "device remove"):
        return _devices(words)
    if command == "help":
        return _commands(words)
    choice = ARGUMENTS.get(tuple(path))
    return () if choice is None else choice(tuple(path), _home_folder(words))


def _commands(words: list[str]) -> Iterable[str]:
    """The commands that ``help`` explains, behind the words that stand there already."""
    begun = words[words.index("help") + 1 : -1]
    command, path, _ = _walked(begun)
    listed: list[str] = command.list_commands(None) if hasattr(command, "list_commands") else []
    return listed if path == begun else ()


def _home_folder(words: list[str]) -> Path | None:
    home = _settings(words).home_path
    return home if home.is_dir() else None


def _devices(words: list[str]) -> Iterable[str]:
    from ca.authority.reports.completion import device_names

    with _home(words) as home:
        return device_names(home)


def _refs(words: list[str]) -> Iterable[str]:
    from ca.authority.reports.completion import ref_names

    with _home(words) as home:
        return ref_names(home, words[-1])


def _home(words: list[str]) -> AbstractContextManager[Home]:
    from ca.authority.home import Environment, no_passphrase, open_home

    return open_home(_settings(words).home_path, Environment(passphrase=no_passphrase))


def _settings(words: list[str]) -> Settings:
    from cli.settings import Settings

    settings = Settings()
    if "--home" in words[:-1]:
        settings.home = words[words.index("--home") + 1]
    return settings
