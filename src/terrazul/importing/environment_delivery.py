"""Writing environments into a workspace, with the numbers of their versions."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Iterable, List, Optional

from terrazul.core.clock import now
from terrazul.core.errors import InvalidInput
from terrazul.importing.findings import Findings
from terrazul.importing.source import EnvironmentRecord
from terrazul.sdk.client import Client
from terrazul.wire.environment import Environment, EnvironmentDefinition
from terrazul.wire.importing import ImportAnswer, ImportBatch, ImportedEnvironment


def deliver_environments(
    client: Client, findings: Findings, records: Iterable[EnvironmentRecord], *, dry: bool = False
) -> None:
    """Write definitions, the first version of a name before the second. Raises what ``Client`` raises.

    A version that has no number gets the next one, and is told of; it is known again by its definition.
    """
    here = _here(client)
    for record in records:
        plain = replace(record.definition, version=None)
        of_name = here.setdefault(plain.name, {})
        known = of_name.get(record.version) if record.number else _same(of_name, plain)
        findings.environments.add(new=known is None)
        if dry:
            of_name[record.version] = plain
        elif record.number:
            _keep(client, findings, record, plain)
        elif known is None:
            made = _register(client, findings, record, plain)
            of_name[made] = plain


def _here(client: Client) -> Dict[str, Dict[str, EnvironmentDefinition]]:
    """The definitions that the workspace has, by name and version."""
    found: Dict[str, Dict[str, EnvironmentDefinition]] = {}
    for each in client.get(List[Environment], "/environments"):
        found.setdefault(each.name, {})[each.version] = replace(each.definition, version=None)
    return found


def _same(versions: Dict[str, EnvironmentDefinition], wanted: EnvironmentDefinition) -> Optional[EnvironmentDefinition]:
    return next((each for each in versions.values() if each == wanted), None)


def _keep(client: Client, findings: Findings, record: EnvironmentRecord, definition: EnvironmentDefinition) -> None:
    imported = ImportedEnvironment(definition, record.number, now())
    for refusal in client.post(ImportAnswer, "/imports", ImportBatch(environments=[imported])).refusals:
        findings.problem(record.thing, refusal.message.replace("\n", " "))


def _register(client: Client, findings: Findings, record: EnvironmentRecord, definition: EnvironmentDefinition) -> str:
    try:
        made = client.post(Environment, "/environments", definition).version
    except InvalidInput as error:
        findings.problem(record.thing, error.message)
        return record.version
    findings.problem(record.thing, f"its version is no number; here it is {made}")
    return made
