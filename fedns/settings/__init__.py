"""The configuration as values: read from YAML with every problem named at once, never half accepted.

`schema` holds the values that everybody else imports, `grammar` the keys of the file, `load` turns the one into the
other. It must not know what the settings are used for.
"""
