"""The link to the server: journal, logs, forwarder and what speaks through them, for one job."""

from __future__ import annotations

from pathlib import Path

from terrazul.node.connection import Connection, workspace_path
from terrazul.node.stop import Stop, StopReason
from terrazul.runner.folder import RUNNER_LOGS, RunFolder, log_name
from terrazul.runner.forwarder import Forwarder
from terrazul.runner.journal import EntryKind, Journal
from terrazul.runner.log_stream import LogStream, regular_files
from terrazul.runner.outputs import Collection, Collector, OutputFile
from terrazul.runner.route import run_path
from terrazul.runner.writer import Writer
from terrazul.wire.job import Job

_CANCEL_LEAVES = 9.0
"""Seconds after the order to cancel in which files are still uploaded."""


class Link:
    """What a runner records and sends; works the same while the server is away."""

    def __init__(self, job: Job, folder: RunFolder, stop: Stop, *, resuming: bool = False) -> None:
        self._job = job
        self._folder = folder
        self._stop = stop
        self.journal = Journal(folder.journal)
        self.writer = Writer(job, self.journal)
        self.logs = LogStream(self.connect(), f"{run_path(job)}/log", self.writer.warn, resuming=resuming)
        self.forwarder = Forwarder(
            self.journal, self.connect(), workspace_path(job), self.logs, self.writer.warn, self._expired
        )
        for name in RUNNER_LOGS:
            self.logs.watch(log_name(name, job), folder.log(name))

    def start(self) -> None:
        """Begin to send, until the end of the run is taken or somebody else has the run."""
        self.logs.start()
        self.forwarder.start()
        self._stop.when_ordered(self._abandon_if_fenced)

    def connect(self) -> Connection:
        """A connection of its own."""
        return Connection(self._job)

    def watch_folders(self) -> None:
        """Follow the files of the folders that the definition watches, ``logs`` as a rule.

        Of several nodes the first one's are followed: two files of one name cannot grow into one. Those of the others
        are kept when the script is over.
        """
        for path in self._watched() if self._job.is_head else []:
            self.logs.watch_folder(path.as_posix(), self._folder.work / path)

    def collect(self) -> Collection:
        """Keep the files that the script left; to be called when it is gone."""
        collector = Collector(self._job.run_id, self.journal, self.writer, self.forwarder, self._expired)
        rewritten = [tail for tail in self.logs.rewritten() if tail.file.is_file()]
        for tail in rewritten:
            self.journal.append(EntryKind.CLOSE, tail.name.encode())
        collector.collect(OutputFile(tail.name, tail.file, overwrite=True) for tail in rewritten)
        for path in [] if self._job.is_head else self._watched():
            root = self._folder.work / path
            files = regular_files(root)
            collector.collect(OutputFile(f"{path.as_posix()}/{name}", file) for name, file in files)
        if self._job.definition.history.output_collection:
            collector.collect(collector.find(self._folder.work))
        for sentence in collector.collection.left_out:
            self.writer.warn(sentence)
        return collector.collection

    def finish(self) -> bool:
        """Wait until the server has everything; false where the run was taken away."""
        delivered = self.forwarder.wait()
        self.journal.close()
        return delivered

    def _watched(self) -> list[Path]:
        paths = [Path(name.rstrip("/")) for name in self._job.definition.history.directories_to_watch]
        return [path for path in paths if not path.is_absolute() and ".." not in path.parts and path.parts]

    def _expired(self) -> bool:
        return self._stop.canceled_for(_CANCEL_LEAVES)

    def _abandon_if_fenced(self) -> None:
        if self._stop.reason is StopReason.FENCED:
            self.forwarder.abandon()
