"""The page of the settings."""

from dataclasses import fields

from described import table, words_of

from terrazul.core.settings import Settings, option_of, variable_of

_HEAD = """\
# Settings

Generated from the code by `make docs`. Each setting is an option of `terrazul up` and a variable in the server's
environment; the option wins. `TERRAZUL_HOME` (or `--home`) names the home directory. For clients, `TERRAZUL_SERVER` and
`TERRAZUL_TOKEN` name another server than that of the home directory, and `TERRAZUL_CA_FILE` the certificates to trust.
"""


def page() -> str:
    """The whole page."""
    rows = [
        [
            f"`{option_of(each.name)}`",
            f"`{variable_of(each.name)}`",
            "" if each.default == "" else f"`{each.default}`",
            words_of(each.name, each.metadata.get("help", "")),
        ]
        for each in fields(Settings)
    ]
    return "\n".join([_HEAD, *table(["option", "variable", "default", ""], rows)]).rstrip() + "\n"
