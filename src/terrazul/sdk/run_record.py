"""What a run is: its facts, read from the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional

from terrazul.core.errors import NotFound
from terrazul.sdk.client import Client, Request, class_of
from terrazul.sdk.representation import as_html, as_text
from terrazul.sdk.run_details import definition_of, details_of
from terrazul.sdk.writer import Writer, writer_of
from terrazul.wire import run as wire

if TYPE_CHECKING:
    from terrazul.sdk.environment import Environment
    from terrazul.sdk.experiment import Experiment

SNAPSHOT_PROPERTY = "ContentSnapshotId"

DOCS_URL = "https://github.com/terrazul/terrazul/tree/main/docs"


class RunRecord:
    """The facts of one run. What is read holds everything that this process recorded before."""

    def __init__(self, experiment: Experiment, run_id: str, record: Optional[wire.Run] = None) -> None:
        self._experiment = experiment
        self._id = run_id
        self._known = record

    @property
    def experiment(self) -> Experiment:
        """The experiment that the run belongs to."""
        return self._experiment

    @property
    def id(self) -> str:
        """The id; unique in its workspace."""
        return self._id

    @property
    def identity(self) -> str:
        """The same as ``id``."""
        return self._id

    @property
    def number(self) -> int:
        """The number of the run in its experiment, from 1."""
        return self._current().number

    @property
    def type(self) -> Optional[str]:
        """The kind of run, such as ``azureml.scriptrun``; ``None`` for an interactive one."""
        return self._current().type or None

    @property
    def status(self) -> str:
        """Where the run is in its life: ``Running``, ``Completed`` and so on."""
        return self._current().state.value

    @property
    def tags(self) -> Dict[str, str]:
        """The tags; change them with ``tag``, ``set_tags`` and ``remove_tags``."""
        return dict(self._current().tags)

    @property
    def properties(self) -> Dict[str, str]:
        """The properties, which keep their first value."""
        return dict(self._current().properties)

    def get_status(self) -> str:
        """Fetch where the run is in its life."""
        return self._fetch().state.value

    def get_tags(self) -> Dict[str, str]:
        """Fetch the tags."""
        return dict(self._fetch().tags)

    def get_properties(self) -> Dict[str, str]:
        """Fetch the properties."""
        return dict(self._fetch().properties)

    def get_detailed_status(self) -> Dict[str, Any]:
        """The state, what the run does at the moment where that is known, and the steps that led to it."""
        events = self._client.get(List[wire.RunEvent], self._path + "/events")
        steps = [
            {
                "time": event.time,
                "status": event.state.value if event.state else None,
                "phase": event.phase or None,
                "seconds": event.seconds,
                "message": event.message or None,
            }
            for event in events
        ]
        run = self._fetch()
        return {"status": run.state.value, "phase": run.phase or None, "details": steps}

    def get_details(self) -> Dict[str, Any]:
        """What the run is, did and was told to do, as the dictionary that v1 gives."""
        return details_of(self._client, self._fetch(), self._experiment.workspace)

    def get_details_with_logs(self) -> Dict[str, Any]:
        """As ``get_details``, with the texts of the logs under ``logFiles``."""
        details = self.get_details()
        details["logFiles"] = {name: self.read_file(name).decode("utf-8", "replace") for name in details["logFiles"]}
        return details

    def get_environment(self) -> Environment:
        """The environment that the run was told to be executed in. Raises ``NotFound`` for an interactive run."""
        definition = definition_of(self._client, self._id)
        if definition is None:
            message = f"The run {self._id} was not submitted, so it has no environment."
            raise NotFound(message, target=self._id)
        environment: Environment = class_of("environment").of_definition(definition.environment)
        return environment

    def get_snapshot_id(self) -> Optional[str]:
        """The id of the snapshot of the source directory, if one was taken.

        A run that was imported keeps the property that named it elsewhere; this is the id of what is here.
        """
        record = self._current()
        return record.snapshot_id or record.properties.get(SNAPSHOT_PROPERTY)

    @property
    def portal_url(self) -> str:
        """The address under which the pages of all runs are."""
        return self._client.address.url

    def get_portal_url(self) -> str:
        """The address of the run's page."""
        return f"{self._client.address.url}/runs/{self._id}?wsid={self._experiment.workspace.workspace_id}"

    @classmethod
    def get_docs_url(cls) -> str:
        """The address of the documentation."""
        return DOCS_URL

    @property
    def _client(self) -> Client:
        return self._experiment.workspace.client

    @property
    def _writer(self) -> Writer:
        return writer_of(self._client)

    @property
    def _path(self) -> str:
        return f"/runs/{self._id}"

    def _current(self) -> wire.Run:
        """The facts as they are known, fetched anew while they may change by themselves."""
        if self._known is None or not self._known.state.terminal or self._writer.waiting:
            return self._fetch()
        return self._known

    def _fetch(self) -> wire.Run:
        self._writer.flush()
        self._known = self._client.get(wire.Run, self._path)
        return self._known

    def read_file(self, name: str) -> bytes:
        """The bytes of one of the run's files; Terrazul's own. Raises ``NotFound``."""
        return self._client.send(Request("GET", self._path + "/artifact", {"path": name}))

    def _facts(self) -> Dict[str, object]:
        record = self._current()
        return {
            "Experiment": self._experiment.name,
            "Id": self._id,
            "Type": record.type or None,
            "Status": record.state.value,
        }

    def __repr__(self) -> str:
        return as_text("Run", self._facts())

    def _repr_html_(self) -> str:
        links = {"Details Page": self.get_portal_url(), "Docs Page": self.get_docs_url()}
        return as_html({**self._facts(), **links})
