"""The one package that is installed: it holds ``ca``, ``cli`` and ``profiles`` privately.

Those are no top-level packages of the environment, so that a project with a ``ca/`` or ``cli/``
of its own can have sipca beside it. Whoever runs ``main`` has them first on ``sys.path``; nothing
else does.
"""

import os
import sys

__all__ = ["main"]


def main() -> None:
    """The console script."""
    sys.path.insert(0, _folder())
    from cli.process import QuickEnd

    ending = QuickEnd()
    from cli.main import main as run

    try:
        run()
    except SystemExit as end:
        ending.code = end.code
        raise


def _folder() -> str:
    """Where the three packages are: in this one, or in the sources that it is developed in."""
    here = os.path.dirname(os.path.abspath(__file__))
    if os.path.isdir(os.path.join(here, "ca")):
        return here
    return os.path.dirname(os.path.dirname(os.path.dirname(here)))
