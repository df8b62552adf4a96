"""Lineage: what was made with what."""

from __future__ import annotations

from terrazul.core.dataclass import dataclass


@dataclass(frozen=True)
class Edge:
    """One thing uses another: a model its run, a web service its models.

    The types are the words of the platform (``run``, ``snapshot``, ``dataset``, ``model``, ``webservice``); the ids
    are those that people see (``name:version`` of a model, the name of a web service).
    """

    user_type: str
    user_id: str
    used_type: str
    used_id: str
    role: str


@dataclass(frozen=True)
class DatasetUse:
    """A dataset that a run reads or has made."""

    dataset_id: str
    name: str = ""
    """The name of the input or output; empty where the script found the dataset by itself."""
    is_output: bool = False
