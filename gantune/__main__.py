"""`python -m gantune` is the command `gantune`."""

from gantune.cli import main

main()
