"""Writing what a source yields into a workspace, in the order in which one thing needs the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, List

from terrazul.importing.findings import Findings
from terrazul.importing.model_delivery import ModelDelivery
from terrazul.importing.model_name import names_here
from terrazul.importing.progress import Bar
from terrazul.importing.run_delivery import RunDelivery
from terrazul.importing.source import Source
from terrazul.sdk.client import Client
from terrazul.wire.experiment import Experiment
from terrazul.wire.importing import ImportAnswer, ImportBatch, ImportedExperiment

_VIEWS = ("all", "deleted")
_DEFAULT = "Default"
"""The experiment that is always there, and not listed while it has no runs."""


def deliver(
    client: Client, source: Source, *, dry: bool = False, tell: Callable[[str], None] = lambda _: None
) -> Findings:
    """Bring everything that a source yields into a workspace; what is here already gets only what it lacks.

    With ``dry`` nothing is written, and the findings say what would come. ``tell`` is told, before anything is written,
    of each model that is written under another name. Raises what ``Client`` raises.
    """
    findings = source.findings
    findings.renamed = names_here(source.model_names())
    for name, written in findings.renamed.items():
        tell(f"The model {name!r} is written as {written!r}, since a name has letters, digits, '-', '.' and '_' here.")
    experiments = list(source.experiments())
    bar = Bar("Looking at" if dry else "Importing", source.run_count())
    try:
        _begin(client, findings, experiments, dry=dry)
        runs = RunDelivery(client, findings, bar, dry=dry)
        for experiment in experiments:
            for record in source.runs(experiment.name):
                runs.take(record)
        runs.finish()
        bar.say("Looking at models" if dry else "Importing models")
        models = ModelDelivery(client, findings, bar, dry=dry)
        models.deliver_logged_models(source.logged_models())
        models.deliver_models(source.models())
        if not dry:
            _put(client, findings, [each for each in experiments if each.deleted])
    finally:
        bar.close()
    return findings


def _begin(client: Client, findings: Findings, experiments: List[ImportedExperiment], *, dry: bool) -> None:
    """Make the experiments; those that are deleted there are deleted here once their runs have come."""
    here = {each.name for view in _VIEWS for each in client.get(List[Experiment], "/experiments", {"view": view})}
    for experiment in experiments:
        findings.experiments.add(new=experiment.name not in here | {_DEFAULT})
    if not dry:
        _put(client, findings, [replace(each, deleted=False) for each in experiments])


def _put(client: Client, findings: Findings, experiments: List[ImportedExperiment]) -> None:
    if not experiments:
        return
    answer = client.post(ImportAnswer, "/imports", ImportBatch(experiments=experiments))
    for refusal in answer.refusals:
        findings.problem(f"experiment {refusal.run_id!r}", refusal.message.replace("\n", " "))
