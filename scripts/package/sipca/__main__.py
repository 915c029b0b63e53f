"""``python -m sipca``."""

from sipca import main

main()
