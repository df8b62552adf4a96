"""The team of a workspace: with whom it is shared, what it may use, and who did what."""

from __future__ import annotations

from abc import abstractmethod
from typing import Dict, List, Optional, Union

from terrazul.core.errors import InvalidInput
from terrazul.sdk.activity import ActivityFilter, Time, list_activity
from terrazul.sdk.client import Client
from terrazul.wire.activity import ActivityLine
from terrazul.wire.quota import Quota, QuotaLimits
from terrazul.wire.workspace import Member


class Team:
    """The part of a workspace that is about people. Terrazul's own."""

    @property
    @abstractmethod
    def client(self) -> Client:
        """The way to the workspace on its server."""

    def share(
        self,
        user: Optional[str] = None,
        role: str = "Reader",
        group: Optional[str] = None,
        folder: str = "",
    ) -> List[Member]:
        """Give a user or a group a role in the workspace; returns with whom it is shared. Terrazul's own.

        With a ``folder`` (``team/a``) it holds for the experiments in and below it and for their runs only. The roles
        are ``Owner``, ``Contributor``, ``Data Scientist``, ``Compute Operator``, ``Reader``, and those that the
        installation made. Raises ``NotFound`` for a user or a role that is not there, ``Forbidden`` for who is
        no owner.
        """
        return self.client.post(List[Member], "/members", _member(role, user, group, folder))

    def unshare(
        self, user: Optional[str] = None, role: str = "Reader", group: Optional[str] = None, folder: str = ""
    ) -> List[Member]:
        """Take a role in the workspace, or on a folder, away; returns with whom it is shared. Terrazul's own."""
        return self.client.post(List[Member], "/members/remove", _member(role, user, group, folder))

    def activity(
        self,
        since: Time = None,
        until: Time = None,
        user: Optional[str] = None,
        action: Optional[str] = None,
        object_type: Optional[str] = None,
        object_id: Optional[str] = None,
        result: Optional[str] = None,
        max_results: int = 1000,
    ) -> List[ActivityLine]:
        """Who did what in the workspace, newest first. Terrazul's own; for its Owners and Contributors.

        ``since`` and ``until`` are times, ``action`` is how the action begins (``model/``), ``result`` is ``done``,
        ``refused`` or ``failed``.
        """
        wanted = ActivityFilter(since, until, user, action, object_type, object_id, result)
        return list_activity(self.client, wanted, max_results, {})

    @property
    def members(self) -> List[Member]:
        """With whom the workspace is shared: ``user`` or ``group``, ``role`` and ``folder``. Terrazul's own."""
        return self.client.get(List[Member], "/members")

    def quota(self) -> Quota:
        """What the workspace may use (``limits``, 0 for no limit) and does use. Terrazul's own."""
        return self.client.get(Quota, "/quota")

    def set_quota(
        self,
        storage_bytes: Union[int, str, None] = None,
        concurrent_runs: Union[int, str, None] = None,
        running_per_user: Union[int, str, None] = None,
        waiting_per_user: Union[int, str, None] = None,
        compute_nodes: Union[int, str, None] = None,
    ) -> Quota:
        """Change limits of the workspace, for administrators. Terrazul's own.

        What is ``None`` stays, 0 is no limit, and ``"default"`` is what the server's settings say. Raises ``Forbidden``
        for who is no administrator, ``InvalidInput`` for a limit that cannot be one.
        """
        given = {
            "storage_bytes": storage_bytes,
            "concurrent_runs": concurrent_runs,
            "running_per_user": running_per_user,
            "waiting_per_user": waiting_per_user,
            "compute_nodes": compute_nodes,
        }
        wanted: Dict[str, Optional[int]] = dict(vars(self.quota().own))
        for name, value in given.items():
            if value is not None:
                wanted[name] = _limit(name, value)
        return self.client.put(Quota, "/quota", QuotaLimits(**wanted))


def _limit(name: str, value: Union[int, str]) -> Optional[int]:
    if value == "default":
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        message = f"{name} is {value!r}, which is no limit."
        raise InvalidInput(message, target=name, hint="Pass a whole number, 0 for no limit, or 'default'.")
    return value


def _member(role: str, user: Optional[str], group: Optional[str], folder: str) -> Member:
    return Member(role, user, group, folder=folder.strip("/"))
