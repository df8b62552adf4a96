"""The inputs of a run, brought to the machine before its script starts."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from terrazul.core.errors import (
    DataNotFound,
    DatasetWithoutData,
    InsufficientStorage,
    InvalidInput,
    TerrazulError,
    UserErrorException,
)
from terrazul.data.delivery import Bringer
from terrazul.data.files import DatasetFile, files_of
from terrazul.data.mount.availability import hindrance
from terrazul.data.plan.operation import to_step
from terrazul.data.plan.source import Files
from terrazul.runner.data.mounts import Mounts
from terrazul.runner.data.place import Place
from terrazul.runner.data.shared_folder import SharedFolder, states_below
from terrazul.runner.data.way import Way
from terrazul.wire.dataset import FILE, DataLocation, Dataset, DatasetDefinition
from terrazul.wire.run_configuration import DIRECT, DOWNLOAD, MOUNT, DataInput


class Inputs:
    """Brings the inputs of one run below a folder, or to where the run wants them."""

    def __init__(self, way: Way, folder: Path, work: Path, mounts: Mounts, say: Callable[[str], None]) -> None:
        self._way = way
        self._mounts = mounts
        self._folder = folder
        self._work = work
        self._say = say
        self.shared: list[SharedFolder] = []
        """Paths of datastores that are mounted: as in v1, what a script writes there goes to the datastore."""

    def bring(self, inputs: Sequence[DataInput]) -> list[Place]:
        """Bring all of them; where each is found.

        Raises ``UserErrorException`` for one that cannot be had, which says which one and why, ``Stopped``.
        """
        return [self._bring(each) for each in inputs]

    def _bring(self, source: DataInput) -> Place:
        try:
            value = source.dataset_id if source.mode == DIRECT else str(self._place(source))
        except InsufficientStorage:
            raise
        except TerrazulError as problem:
            raise UserErrorException(
                f"The input {source.name!r} cannot be had: {problem.message}", target=source.name, hint=problem.hint
            ) from None
        return Place(source.name, value, source.mode, bool(source.dataset_id), variable=source.environment_variable)

    def _place(self, source: DataInput) -> Path:
        definition = self._definition_of(source)
        is_writable = not source.dataset_id and source.mode == MOUNT
        files = self._files_of(definition, may_be_empty=is_writable)
        root = self._root_of(source)
        bringer = Bringer(
            self._way,
            self._way.cache,
            self._way.workspace_id,
            self._way.check,
            lambda told: self._say(f"input {source.name}: {told}"),
        )
        self._make_room(source, files, root)
        if not (source.mode == MOUNT and self._is_mounted(source, files, root, bringer)):
            delivery = bringer.bring(files, root, own=source.mode == DOWNLOAD)
            self._say(f"input {source.name}: {delivery}, in {root}")
        if _is_single(definition, files):
            return root / files[0].path
        if is_writable:
            self.shared.append(SharedFolder(source.name, source.datastore, source.path, root, states_below(root)))
        return root

    def _files_of(self, definition: DatasetDefinition, *, may_be_empty: bool) -> list[DatasetFile]:
        try:
            return files_of(definition, self._way.list_files)
        except (DatasetWithoutData, DataNotFound):
            if not may_be_empty:
                raise
            return []

    def _definition_of(self, source: DataInput) -> DatasetDefinition:
        if source.dataset_id:
            definition = self._way.ask(Dataset, f"/datasets/{source.dataset_id}").definition
            if definition.type != FILE:
                raise InvalidInput("It is a tabular dataset, which has no files to be found in a folder.")
            return definition
        location = DataLocation(source.path or "**", source.datastore)
        return DatasetDefinition(FILE, [location], [to_step(Files())])

    def _root_of(self, source: DataInput) -> Path:
        """The folder for an input; one of a name of its own is made new."""
        if source.path_on_compute:
            return self._work / source.path_on_compute
        root = self._folder / source.name
        shutil.rmtree(root, ignore_errors=True)
        return root

    def _is_mounted(self, source: DataInput, files: Sequence[DatasetFile], root: Path, bringer: Bringer) -> bool:
        """Mount large data that does not lie here, where the machine can."""
        size = sum(max(each.file.size, 0) for each in files)
        if size < self._way.job.data_mount_bytes or bringer.lies_here(files):
            return False
        reason = hindrance()
        if reason is not None:
            self._say(f"input {source.name}: is brought, since it cannot be mounted: {reason}")
            return False
        return self._mounts.add(source.name, files, root)

    def _make_room(self, source: DataInput, files: Sequence[DatasetFile], root: Path) -> None:
        """Make room for the files at a place that the run has chosen.

        Raises ``InvalidInput`` for a file that is there and may not be replaced.
        """
        if not source.path_on_compute:
            return
        for file in files:
            target = root / file.path
            if target.is_symlink() or target.exists():
                if not source.overwrite and not target.is_symlink():
                    raise InvalidInput(
                        f"There is a file {target} already.",
                        hint="Choose another path_on_compute, or set overwrite.",
                    )
                target.unlink()


def _is_single(definition: DatasetDefinition, files: Sequence[DatasetFile]) -> bool:
    """Whether a dataset is one file that its location names, which stands for itself."""
    if len(files) != 1 or len(definition.locations) != 1:
        return False
    return files[0].file.path.strip("/") == definition.locations[0].path.strip("/")
