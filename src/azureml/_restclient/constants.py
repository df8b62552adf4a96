"""v1's ``azureml._restclient.constants``: a private module that public code imports for the states of a run."""

from terrazul.wire.run import RunState


class RunStatus:
    """The states of a run as texts, under the names of v1."""

    NOT_STARTED = RunState.NOT_STARTED.value
    QUEUED = RunState.QUEUED.value
    PREPARING = RunState.PREPARING.value
    PROVISIONING = RunState.PROVISIONING.value
    STARTING = RunState.STARTING.value
    RUNNING = RunState.RUNNING.value
    FINALIZING = RunState.FINALIZING.value
    CANCEL_REQUESTED = RunState.CANCEL_REQUESTED.value
    COMPLETED = RunState.COMPLETED.value
    FAILED = RunState.FAILED.value
    CANCELED = RunState.CANCELED.value
    NOT_RESPONDING = "NotResponding"
    PAUSED = "Paused"
    UNAPPROVED = "Unapproved"
