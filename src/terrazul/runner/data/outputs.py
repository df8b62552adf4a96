"""The outputs of a run: folders for its script, and what becomes of their files when it is over."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Container, Iterator, Sequence
from pathlib import Path

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import AlreadyExists, TerrazulError, UserErrorException
from terrazul.data.access import Upload
from terrazul.data.pattern import PathPattern
from terrazul.data.plan.operation import to_step
from terrazul.data.plan.source import Files
from terrazul.runner.data.place import Place
from terrazul.runner.data.shared_folder import SharedFolder
from terrazul.runner.data.way import Way
from terrazul.runner.outputs import problem_of
from terrazul.wire.dataset import FILE, TABULAR, DataLocation, Dataset, DatasetDefinition, NewDataset
from terrazul.wire.lineage import DatasetUse
from terrazul.wire.run_configuration import UPLOAD, DataOutput

_FEW = 5


@dataclass(frozen=True)
class Sent:
    """What was sent of one output, and where it lies."""

    output: DataOutput
    datastore: str
    path: str
    count: int
    size: int


class Outputs:
    """The outputs of one run."""

    def __init__(
        self, way: Way, run_id: str, folder: Path, work: Path, say: Callable[[str], None], warn: Callable[[str], None]
    ) -> None:
        self._way = way
        self._run_id = run_id
        self._folder = folder
        self._work = work
        self._say = say
        self._warn = warn
        self.is_shared = False
        """Whether other nodes of the run write to the same destinations, so that one of them may write nothing."""

    def prepare(self, outputs: Sequence[DataOutput]) -> list[Place]:
        """Make the folders; where each is."""
        found = []
        for output in outputs:
            root = self._root_of(output)
            if not output.path_on_compute:
                shutil.rmtree(root, ignore_errors=True)
            root.mkdir(parents=True, exist_ok=True)
            found.append(
                Place(output.name, str(root), output.mode, output.is_dataset, True, output.environment_variable)
            )
        return found

    def send(self, outputs: Sequence[DataOutput], *, succeeded: bool) -> list[Sent]:
        """Send the files to their destinations: of a script that failed, those that a mount would have written.

        Raises ``UserErrorException`` for an output that cannot be sent, which says which one and why, ``Stopped``.
        """
        return [self._send(output) for output in outputs if succeeded or output.mode != UPLOAD]

    def send_back(self, folder: SharedFolder) -> None:
        """Send what a script has added to a mounted path of a datastore. Raises as ``send``."""
        wanted = set(folder.changed())
        if not wanted:
            return
        output = DataOutput(folder.name, datastore=folder.datastore, path=folder.path, is_dataset=False)
        uploads = list(self._uploads(output, folder.root, folder.path, wanted))
        self._say(f"input {folder.name}: sends {len(uploads)} files that the script has added")
        self._transfer(output, folder.datastore, folder.path, uploads)

    def register(self, sent: Sequence[Sent]) -> None:
        """Save what was sent as datasets, registered where the output says so, and note that the run made them.

        Raises ``UserErrorException`` for one that cannot be registered.
        """
        for each in sent:
            if each.output.is_dataset and (each.count or self.is_shared):
                with_name = f"output {each.output.name!r}"
                try:
                    self._save(each)
                except TerrazulError as problem:
                    raise UserErrorException(
                        f"The {with_name} cannot be registered: {problem.message}",
                        target=each.output.name,
                        hint=problem.hint,
                    ) from None

    def _send(self, output: DataOutput) -> Sent:
        datastore = output.datastore or self._way.default_datastore()
        path = output.path.replace("{run-id}", self._run_id).replace("{output-name}", output.name).strip("/")
        uploads = list(self._uploads(output, self._root_of(output), path))
        size = sum(each.size for each in uploads)
        self._say(f"output {output.name}: sends {len(uploads)} files, {size} bytes, to {path or '/'} of {datastore}")
        if not uploads:
            if not self.is_shared:
                self._warn(f"The output {output.name!r} is empty: the script wrote nothing to {self._root_of(output)}.")
            return Sent(output, datastore, path, 0, 0)
        self._transfer(output, datastore, path, uploads)
        return Sent(output, datastore, path, len(uploads), size)

    def _transfer(self, output: DataOutput, datastore: str, path: str, uploads: Sequence[Upload]) -> None:
        try:
            there = self._way.send(datastore, uploads, lambda _: self._way.check(), overwrite=output.overwrite)
        except TerrazulError as problem:
            raise UserErrorException(
                f"The output {output.name!r} cannot be sent to {path!r} of the datastore {datastore!r}: "
                f"{problem.message}",
                target=output.name,
                hint=problem.hint,
            ) from None
        if there:
            self._refuse(output, there)

    def _uploads(
        self, output: DataOutput, root: Path, path: str, only: Container[str] | None = None
    ) -> Iterator[Upload]:
        """The files of a folder, or those of some paths; what leads out, or cannot be named, is left out and told."""
        inside = os.path.realpath(root)
        patterns = [PathPattern(each) for each in output.source_globs]
        for parent, folders, names in os.walk(root):
            folders.sort()
            for name in sorted(names):
                file = Path(parent, name)
                relative = file.relative_to(root).as_posix()
                if (only is not None and relative not in only) or (
                    patterns and not any(each.matches(relative) for each in patterns)
                ):
                    continue
                problem = problem_of(relative, file, inside)
                if problem:
                    self._warn(f"{ascii(relative)[1:-1]} of the output {output.name!r} is not sent: {problem}")
                else:
                    yield Upload(file, f"{path}/{relative}" if path else relative, file.stat().st_size)

    def _refuse(self, output: DataOutput, there: Sequence[Upload]) -> None:
        names = ", ".join(repr(each.path) for each in there[:_FEW])
        raise AlreadyExists(
            f"The output {output.name!r} may not replace {len(there)} files that are there already: {names}.",
            target=output.name,
            hint="Use as_upload(overwrite=True), or a destination with {run-id} in it.",
        )

    def _save(self, sent: Sent) -> None:
        output = sent.output
        location = DataLocation("/".join(filter(None, [sent.path, output.pattern or "**"])), sent.datastore)
        steps = list(output.steps) or [to_step(Files())]
        definition = DatasetDefinition(FILE if steps[0].operation == Files.name else TABULAR, [location], steps)
        wanted = output.registration
        new = NewDataset(
            definition,
            wanted.name if wanted else "",
            wanted.description if wanted else "",
            dict(wanted.tags) if wanted else {},
            create_new_version=True,
        )
        dataset = self._way.ask(Dataset, "/datasets", value=new)
        use = DatasetUse(dataset.id, output.name, is_output=True)
        self._way.ask(DatasetUse, f"/runs/{self._run_id}/datasets", value=use)
        registered = f", registered as {dataset.name}:{dataset.version}" if wanted else ""
        self._say(f"output {output.name}: dataset {dataset.id}{registered}")

    def _root_of(self, output: DataOutput) -> Path:
        return self._work / output.path_on_compute if output.path_on_compute else self._folder / output.name
