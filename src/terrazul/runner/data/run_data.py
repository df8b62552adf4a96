"""The data of one run, from before its script to after it."""

from __future__ import annotations

from terrazul.core.errors import TerrazulError
from terrazul.data.cache import Cache
from terrazul.node.log import TimedLog
from terrazul.node.stop import Stop
from terrazul.runner.data.inputs import Inputs
from terrazul.runner.data.mounts import Mounts
from terrazul.runner.data.outputs import Outputs
from terrazul.runner.data.place import Place
from terrazul.runner.data.shared_folder import SharedFolder
from terrazul.runner.data.way import Way
from terrazul.runner.folder import RunFolder
from terrazul.runner.variables import cache_folder
from terrazul.runner.writer import Writer
from terrazul.wire.job import Job


class RunData:
    """Brings what a run reads, and takes what it writes."""

    def __init__(self, job: Job, folder: RunFolder, writer: Writer, stop: Stop) -> None:
        self._definition = job.definition
        self._is_head = job.is_head
        self._folder = folder
        self._writer = writer
        self._run_id = job.run_id
        self._way = Way(job, Cache(cache_folder(job), job.data_cache_bytes), stop)
        self._stop = stop
        self._mounts: Mounts | None = None
        self._is_prepared = False
        self._shared: list[SharedFolder] = []

    def bring(self, log: TimedLog) -> list[Place]:
        """Bring the inputs and make the folders of the outputs; where each is.

        Raises ``UserErrorException`` for an input that cannot be had, ``InsufficientStorage``, ``Stopped``.
        """
        self._mounts = Mounts(self._way, self._folder, self._stop, log.line)
        inputs = Inputs(self._way, self._folder.data / "inputs", self._folder.work, self._mounts, log.line)
        places = inputs.bring(self._definition.inputs)
        self._shared = inputs.shared
        places += self._outputs(log).prepare(self._definition.outputs)
        self._is_prepared = True
        return places

    def unmount(self) -> None:
        """End what is mounted; to be called when the script is over."""
        if self._mounts is not None:
            self._mounts.end()

    @property
    def may_be_taken(self) -> bool:
        """Whether the script could write data somewhere."""
        return bool(self._definition.outputs or self._shared)

    def take(self, log: TimedLog, *, succeeded: bool) -> None:
        """Send the outputs, and make datasets of them where the script has succeeded; of several nodes the head does.

        Raises ``UserErrorException`` for an output that cannot be sent or registered, ``Stopped``.
        """
        if not self._is_prepared:
            return
        outputs = self._outputs(log)
        for folder in self._shared:
            outputs.send_back(folder)
        sent = outputs.send(self._definition.outputs, succeeded=succeeded)
        if succeeded and self._is_head:
            outputs.register(sent)

    def take_in_place_of_runner(self, log: TimedLog) -> None:
        """Send what a killed runner left of outputs; what cannot be sent is a warning."""
        if not self._folder.data.is_dir():
            return
        try:
            self._outputs(log).send(self._definition.outputs, succeeded=False)
        except TerrazulError as problem:
            self._writer.warn(problem.message)

    def _outputs(self, log: TimedLog) -> Outputs:
        folder = self._folder.data / "outputs"
        outputs = Outputs(self._way, self._run_id, folder, self._folder.work, log.line, self._writer.warn)
        outputs.is_shared = self._definition.node_count > 1
        return outputs
