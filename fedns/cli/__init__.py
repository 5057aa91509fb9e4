"""The command line: one file for each family of verbs.

A command imports what it runs inside its function, so that `--help` and completion are instant. It must not hold logic
that another program could want.
"""
