"""The folder of a web service: its job, its log, its revisions; readable by their owner only."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Collection

from terrazul.core.errors import InvalidInput, NotFound
from terrazul.wire import codec
from terrazul.wire.endpoint import ServiceJob


class RevisionFolder:
    """Where one revision lies."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.source = root / "source"
        self.models = root / "azureml-models"

    def renew(self) -> None:
        """An empty folder, whatever an earlier supervisor left in it."""
        shutil.rmtree(self.root, ignore_errors=True)
        for folder in (self.source, self.models):
            folder.mkdir(mode=0o700, parents=True)


class ServiceFolder:
    """Where everything of one web service lies."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.job_file = self.root / "service.json"
        self.log_file = self.root / "service.log"
        self._revisions = self.root / "revisions"

    def read_job(self) -> ServiceJob:
        """The job. Raises ``NotFound`` or ``InvalidInput``."""
        try:
            return codec.decode(ServiceJob, self.job_file.read_bytes())
        except FileNotFoundError:
            raise NotFound(
                f"There is no web service in {self.root}.", target=str(self.job_file), hint="Name a service's folder."
            ) from None
        except (ValueError, TypeError, KeyError) as problem:
            message = f"The job in {self.root} cannot be read: {problem}."
            raise InvalidInput(message, target=str(self.job_file)) from None

    def revision(self, number: int) -> RevisionFolder:
        """The folder of a revision."""
        return RevisionFolder(self._revisions / str(number))

    def remove_revisions(self, kept: Collection[int]) -> None:
        """Remove the folders of all revisions but these."""
        names = {str(number) for number in kept}
        for folder in self._revisions.iterdir() if self._revisions.is_dir() else ():
            if folder.name not in names:
                shutil.rmtree(folder, ignore_errors=True)
