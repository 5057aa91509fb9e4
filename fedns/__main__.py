"""`python -m fedns` is the command line."""

from fedns.cli.main import main

main()
