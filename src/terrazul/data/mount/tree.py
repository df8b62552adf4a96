"""The folders that the paths of some files make."""

from __future__ import annotations

from typing import Dict, Generic, Iterable, Optional, Set, Tuple, TypeVar

T = TypeVar("T")


class Tree(Generic[T]):
    """Files by their paths, and the folders above them; paths are relative, the root is the empty text."""

    def __init__(self, files: Iterable[Tuple[str, T]]) -> None:
        self._files: Dict[str, T] = {}
        self._names: Dict[str, Set[str]] = {"": set()}
        for path, file in files:
            self._files[path] = file
            self._enter(path)

    def file(self, path: str) -> Optional[T]:
        """The file of a path, if it is one."""
        return self._files.get(path)

    def names(self, path: str) -> Optional[Set[str]]:
        """The names in a folder; ``None`` where there is no such folder."""
        return self._names.get(path)

    def _enter(self, path: str) -> None:
        folder, _, name = path.rpartition("/")
        is_new = folder not in self._names
        self._names.setdefault(folder, set()).add(name)
        if is_new:
            self._enter(folder)
