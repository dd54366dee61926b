"""`python -m arrcli` is `arr`."""

from arrcli.cli import main

main()
