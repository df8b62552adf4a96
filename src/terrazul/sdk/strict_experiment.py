"""v1's face of experiments: the same, but that a name which v1 would not have taken is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from terrazul.core.ids import check_v1_experiment_name
from terrazul.sdk import experiment

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
        self, workspace: Workspace, name: Any, _skip_name_validation: bool = False, *details: Any, **named_details: Any
    ) -> None:
        if isinstance(name, str) and not _skip_name_validation:
            check_v1_experiment_name(name)
        super().__init__(workspace, name, _skip_name_validation, *details, **named_details)
