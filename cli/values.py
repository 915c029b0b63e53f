"""The values that options and arguments are chosen from: for help, completion, and any spelling.

What is chosen from a list may be typed in capitals too: ``--profile SIP`` is ``sip``.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from typer.models import TyperPath

from cli.settings import Settings

Words = tuple[str, ...]
Choice = Callable[[Words, Path | None], Iterable[str]]
"""The values of an option or argument of a command, with those of the home if it is a folder."""


def _of(module: str, name: str) -> Choice:
    """A tuple of the library, loaded when it is asked for."""
    return lambda _path, _home: tuple(getattr(import_module(module), name))


def _shelf(name: str) -> Choice:
    def names(_path: Words, home: Path | None) -> Iterable[str]:
        from ca.profiles.library import Library

        found: Iterable[str] = getattr(Library(home), name).names()
        return found

    return names


CLOCK_ALONE = (("ocsp", "rotate"), ("scep", "rotate"), ("release",), ("revoke",), ("crl",))
"""Commands that judge nothing but the clock."""


def _overridable(path: Words, _home: Path | None) -> Iterable[str]:
    from ca.authority.reports.rule import overridable

    return ("clock-behind",) if path in CLOCK_ALONE else sorted(overridable())


def _formats(path: Words, _home: Path | None) -> Iterable[str]:
    modules: dict[Words, tuple[str, str]] = {
        ("env",): ("cli.views.env", "FORMS"),
        ("crl",): ("ca.authority.status.crl", "FORMATS"),
    }
    module, name = modules.get(path, ("ca.authority.reports.export", "FORMATS"))
    return tuple(getattr(import_module(module), name))


def _rules(_path: Words, _home: Path | None) -> Iterable[str]:
    from ca.authority.reports.rule import rules

    return [each.code for each in rules().rules]


def _fixtures(path: Words, home: Path | None) -> Iterable[str]:
    return (*_shelf("fixtures")(path, home), "all")


def _packs(path: Words, home: Path | None) -> Iterable[str]:
    return ("ours", *_shelf("packs")(path, home))


_KEYS = _of("ca.keys.specs", "SPECS")
OPTIONS: dict[str, Choice] = {
    "--profile": _shelf("profiles"),
    "--from": _shelf("profiles"),
    "--target": _shelf("targets"),
    "--for": _shelf("anchors"),
    "--pack": _packs,
    "--allow": _overridable,
    "--status": _of("ca.model.status", "STATUSES"),
    "--reason": _of("ca.model.status", "REASONS"),
    "--key": _KEYS,
    "--root-key": _KEYS,
    "--issuing-key": _KEYS,
    "--protect": _of("ca.authority.founding.wishes", "PROTECTIONS"),
    "--format": _formats,
    "--parts": _of("ca.authority.reports.chain", "PARTS"),
    "--min-severity": _of("ca.model.findings", "SEVERITIES"),
    "--acknowledge": _of("ca.authority.status.restored", "ACKNOWLEDGED"),
    "--role": _of("ca.device.upload", "ROLES"),
    "--step": _of("ca.authority.devices.plan", "STEPS"),
    "--ca": lambda _path, _home: ("issuing", "root", "all"),
}
ARGUMENTS: dict[Words, Choice] = {
    ("profile", "show"): _shelf("profiles"),
    ("target", "show"): _shelf("targets"),
    ("rule", "show"): _rules,
    ("fixture", "make"): _fixtures,
    ("completion",): lambda _path, _home: ("bash", "zsh", "fish"),
}
PLACEHOLDERS = {
    "--profile": "PROFILE",
    "--target": "TARGET",
    "--status": "STATUS",
    "--reason": "REASON",
    "--protect": "KEYS",
    "--format": "FORMAT",
    "--parts": "PARTS",
    "--role": "ROLE",
    "--min-severity": "SEVERITY",
    "--key": "KEY",
    "--root-key": "KEY",
    "--issuing-key": "KEY",
    "--device": "DEVICE",
    "--cn": "NAME",
    "--context": "N",
}
"""What help calls the value of an option that has no name for it."""


def choice_of(parameter: Any, path: Words) -> Choice | None:
    """What a parameter of a command is chosen from, if it is."""
    if isinstance(parameter.type, TyperPath):  # preflight's --key is a file
        return None
    if path == ("fixture", "make") and "--key" in parameter.opts:
        return _of("ca.lab.fixture", "KEYS")
    if parameter.param_type_name == "argument":
        return ARGUMENTS.get(path)
    return next((OPTIONS[each] for each in parameter.opts if each in OPTIONS), None)


def take_any_case(parameter: Any, path: Words) -> None:
    """Let a parameter that is chosen from a list be typed in capitals."""
    if choice_of(parameter, path) is None:
        return
    inner = parameter.callback
    choice = choice_of(parameter, path)
    assert choice is not None

    def fold(ctx: Any, param: Any, value: Any) -> Any:
        def spelled(word: str) -> str:
            return word if word == word.casefold() else _spelled(word, choice(path, home_of(ctx)))

        if isinstance(value, str):
            value = spelled(value)
        elif isinstance(value, list | tuple):
            value = [spelled(each) for each in value]
        return value if inner is None else inner(ctx, param, value)

    parameter.callback = fold


def name_value(parameter: Any) -> None:
    """Give the value of an option a name for its help, if it has none."""
    if parameter.param_type_name == "option" and parameter.metavar is None:
        names = [PLACEHOLDERS[each] for each in parameter.opts if each in PLACEHOLDERS]
        parameter.metavar = names[0] if names else None


def _spelled(word: str, choices: Iterable[str]) -> str:
    """A word as one of the choices is spelled; as it was typed if there is none."""
    known = list(choices)
    if word in known:
        return word
    return next((each for each in known if each.casefold() == word.casefold()), word)


def home_of(ctx: Any) -> Path | None:
    """The home of a call, if it is a folder."""
    settings = ctx.find_object(Settings)
    home = settings.home_path if settings else None
    return home if home and home.is_dir() else None


def listed(
    parameters: Iterable[Any], path: Words, home: Path | None, *, width: int
) -> list[tuple[str, list[str]]]:
    """For help: the options that are chosen from a list, and lines with the list.

    None whose help has them. A value is never broken at its hyphen.
    """
    rows = []
    for each in parameters:
        choice = choice_of(each, path)
        if choice is None or each.param_type_name == "argument":
            continue
        values = list(choice(path, home))
        if not all(value in (each.help or "") for value in values):
            option = next(name for name in each.opts if name in OPTIONS)
            lines = textwrap.wrap(
                ", ".join(values), width, break_on_hyphens=False, break_long_words=False
            )
            rows.append((option, lines))
    return rows
