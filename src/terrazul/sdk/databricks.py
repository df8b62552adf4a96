"""The Databricks parts of v1's environments: read and written, so that files pass through unharmed."""

from __future__ import annotations

from dataclasses import field
from typing import Dict, List, Optional

from terrazul.core.dataclass import dataclass
from terrazul.sdk.section import Section, items


@dataclass(repr=False)
class MavenLibrary(Section):
    """A Maven package."""

    coordinates: Optional[str] = None
    repo: Optional[str] = None
    exclusions: Optional[List[str]] = None


@dataclass(repr=False)
class PyPiLibrary(Section):
    """A package of the Python Package Index."""

    package: Optional[str] = None
    repo: Optional[str] = None


@dataclass(repr=False)
class RCranLibrary(Section):
    """A package of CRAN."""

    package: Optional[str] = None
    repo: Optional[str] = None


@dataclass(repr=False)
class JarLibrary(Section):
    """A Java archive."""

    library: Optional[str] = None


@dataclass(repr=False)
class EggLibrary(Section):
    """A Python egg."""

    library: Optional[str] = None


@dataclass(repr=False)
class DatabricksCluster(Section):
    """A cluster: one that exists, or how to make one."""

    existing_cluster_id: Optional[str] = None
    spark_version: Optional[str] = None
    node_type: Optional[str] = None
    instance_pool_id: Optional[str] = None
    num_workers: Optional[int] = None
    min_workers: Optional[int] = None
    max_workers: Optional[int] = None
    spark_env_variables: Optional[Dict[str, str]] = None
    spark_conf: Optional[Dict[str, str]] = None
    init_scripts: Optional[List[str]] = None
    cluster_log_dbfs_path: Optional[str] = None
    permit_cluster_restart: Optional[bool] = None

    def validate(self) -> None:
        """Accept every description; Databricks itself judges it."""


@dataclass(repr=False, init=False)
class DatabricksSection(Section):
    """The libraries and the cluster of a Databricks run."""

    maven_libraries: List[MavenLibrary] = field(default_factory=list, metadata=items(MavenLibrary))
    pypi_libraries: List[PyPiLibrary] = field(default_factory=list, metadata=items(PyPiLibrary))
    rcran_libraries: List[RCranLibrary] = field(default_factory=list, metadata=items(RCranLibrary))
    jar_libraries: List[JarLibrary] = field(default_factory=list, metadata=items(JarLibrary))
    egg_libraries: List[EggLibrary] = field(default_factory=list, metadata=items(EggLibrary))
    cluster: Optional[DatabricksCluster] = field(default=None, metadata={"hidden": True})

    def __init__(self, _skip_defaults: bool = False) -> None:
        del _skip_defaults
        self._set_defaults()


class DatabricksEnvironment(DatabricksSection):
    """v1's older name for ``DatabricksSection``."""

    def __init__(self) -> None:
        super().__init__()
