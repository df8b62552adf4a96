"""v1's face of experiments: the same, but that a name which v1 would not have taken is refused."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Optional

from terrazul.core.ids import check_v1_experiment_name
from terrazul.sdk import experiment
from terrazul.wire import experiment as wire

if TYPE_CHECKING:
    from terrazul.sdk.workspace import Workspace


class _AnyExperiment(type):
    """Whatever lists and runs hand out counts as one too."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, experiment.Experiment)


class Experiment(experiment.Experiment, metaclass=_AnyExperiment):
    """A group of runs under a name that is unique in its workspace; made where there is none of that name.

    Raises ``InvalidInput`` for a name that v1's rule does not allow; Terrazul's own ``Experiment`` allows more, such as
    folders.
    """

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        _skip_name_validation: bool = False,
        _id: Optional[str] = None,
        _archived_time: Optional[datetime] = None,
        _create_in_cloud: bool = True,
        _experiment_dto: Optional[wire.Experiment] = None,
        **kwargs: Any,
    ) -> None:
        experiment.check_kinds(workspace, name)
        if not _skip_name_validation:
            check_v1_experiment_name(name)
        super().__init__(
            workspace, name, _skip_name_validation, _id, _archived_time, _create_in_cloud, _experiment_dto, **kwargs
        )
