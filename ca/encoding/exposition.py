"""The text exposition format of Prometheus, version 0.0.4, as a textfile collector reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from ca.model.escaping import escape_undecodable

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
"""What the format escapes in a label's value; a help text has no such character."""


class Sample(msgspec.Struct, frozen=True):
    """One value of a metric, with the labels that tell it from the others."""

    labels: Mapping[str, object]
    value: int


class Metric(msgspec.Struct, frozen=True):
    """A gauge: its name, what it means, its samples."""

    name: str
    help: str
    samples: Iterable[Sample]


def exposition(metrics: Iterable[Metric]) -> Iterator[bytes]:
    """The metrics as text, one piece each; a metric without samples only with its help."""
    for metric in metrics:
        lines = [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} gauge"]
        lines += [
            f"{metric.name}{{{_labels(each.labels)}}} {each.value}" for each in metric.samples
        ]
        yield ("\n".join(lines) + "\n").encode()


def _labels(labels: Mapping[str, object]) -> str:
    """Labels as the format has them; None is the empty value, which is that of no label."""
    return ",".join(
        f'{name}="{_text(value).translate(_ESCAPES)}"' for name, value in labels.items()
    )


def _text(value: object) -> str:
    return "" if value is None else escape_undecodable(str(value))
