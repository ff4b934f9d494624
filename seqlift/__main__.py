"""Run the command line as ``python -m seqlift``."""

from seqlift.cli import main

main(prog_name="seqlift")
