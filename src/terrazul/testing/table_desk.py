"""Tables from files that a test writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from terrazul.data.execution.preparation import SourceFile
from terrazul.data.execution.table import Rows
from terrazul.data.files import files_of_plan
from terrazul.data.plan.operation import Operation
from terrazul.data.plan.plan import Plan
from terrazul.data.plan.source import DelimitedFiles
from terrazul.wire.dataset import TABULAR, DataLocation
from terrazul.wire.datastore import DataFile

READ = DelimitedFiles()


class Desk:
    """A folder with files, and what was warned of when they were read."""

    def __init__(self, folder: Path) -> None:
        """Write into a folder."""
        self.folder = folder
        self.warnings: list[str] = []
        self._scratch = folder / "scratch"

    def write(self, *contents: str | bytes, names: str = "{}.csv") -> list[str]:
        """Write files that are called by their numbers."""
        found = []
        for number, content in enumerate(contents):
            file = self.folder / names.format(number)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
            found.append(names.format(number))
        return found

    def read(
        self,
        contents: str | bytes | list[Any],
        source: Operation = READ,
        *steps: Operation,
        must_fit: bool = False,
        names: str = "{}.csv",
    ) -> pl.DataFrame:
        """The rows of files with these contents."""
        paths = self.write(*(contents if isinstance(contents, list) else [contents]), names=names)
        return self.rows(paths, source, *steps).collect(self.warnings.append, must_fit=must_fit)

    def rows(self, paths: list[str], source: Operation = READ, *steps: Operation) -> Rows:
        """Rows that are about to be read."""
        plan = Plan(TABULAR, tuple(DataLocation(path, "store") for path in paths), source, steps)
        files = files_of_plan(plan, lambda place: [DataFile(place.path, 1)])
        self._scratch.mkdir(exist_ok=True)
        found = [SourceFile(self.folder / file.file.path, f"/{file.file.path}", file.partition) for file in files]
        return Rows(plan, found, self._scratch)
