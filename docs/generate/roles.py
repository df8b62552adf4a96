"""The page of roles: which role allows which action."""

from described import table

from terrazul.server.identity.roles import BESIDE_FOLDERS, BUILT_IN, OF_WORKSPACES, on_a_folder
from terrazul.server.identity.rules import FOR_EVERYBODY, OF_FOLDERS, RUN_ACTIONS, WEBSERVICE_ACTIONS, Action

_HEAD = """\
# Roles

Generated from the code by `make docs`. Every route of the [HTTP interface](rest.md) needs one action; a role in a
workspace allows some of them. Who has several roles, or belongs to groups that have some, may do what any of them
allows. Administrators may do everything everywhere. The guide [Share a workspace](../guides/share-a-workspace.md)
shows how roles are given.
"""
_FOLDERS = """\
## On a folder of experiments

A role that is given on a folder (`terrazul workspace share --folder team/a ...`) gives these of its actions, for the
experiments that have the name of the folder or lie below it, and for their runs. In the workspace as a whole it gives
{beside} and nothing else: models, environments, web services, secrets, members and quotas need a role in the workspace.
"""
_OWN = """\
## Your own

`terrazul role create NAME --actions ...` makes a role from any of the actions above. In a name `*` stands for one part
between slashes, and at the end for all that follow: `run/*`, `*/read`. A token can be restricted in the same way.
"""


def page() -> str:
    """The whole page."""
    lines = [_HEAD, "## In a workspace", ""]
    rows = [
        [f"`{action.value}`", *("yes" if action in role.actions else "" for role in BUILT_IN.values())]
        for action in Action
        if action in OF_WORKSPACES
    ]
    lines += table(["action", *BUILT_IN], rows)
    beside = " and ".join(f"`{each.value}`" for each in sorted(BESIDE_FOLDERS))
    lines += [_FOLDERS.format(beside=beside)]
    rows = [
        [f"`{action.value}`", *("yes" if action in on_a_folder(role.actions) else "" for role in BUILT_IN.values())]
        for action in Action
        if action in OF_FOLDERS
    ]
    lines += table(["action", *BUILT_IN], rows)
    lines += [_OWN, "## Others", ""]
    others = {"everybody": FOR_EVERYBODY, "a run, for itself": RUN_ACTIONS, "a web service": WEBSERVICE_ACTIONS}
    rows = [
        [f"`{action.value}`", *("yes" if action in allowed else "" for allowed in others.values())] for action in Action
    ]
    lines += table(["action", *others], rows)
    return "\n".join(lines).rstrip() + "\n"
