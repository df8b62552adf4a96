"""What every kind of compute, and every provider of nodes, owes.

A test inherits a contract and overrides one fixture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from terrazul.core.ids import new_guid
from terrazul.server.compute.kind import ComputeKind, Placement, RunnerStatus
from terrazul.server.compute.provider import NodeProvider
from terrazul.testing.submission import wait_for
from terrazul.wire import codec
from terrazul.wire.job import Job
from terrazul.wire.run_configuration import RunDefinition
from terrazul.wire.workspace import WorkspaceScope

NODE = "node-1"


def job_of(run_id: str = "run") -> Job:
    """A job of a server that is away: its runner waits for it. The workspace is a new one each time."""
    return Job(
        server_url="http://127.0.0.1:9",
        token="nobody's",  # noqa: S106  # no server knows it
        workspace_id=new_guid(),
        workspace=WorkspaceScope("subscription", "group", "testing"),
        run_id=run_id,
        attempt=1,
        experiment_id="experiment",
        experiment_name="experiment",
        definition=RunDefinition(command=["true"]),
        environments_folder="/nowhere/environments",
    )


def check_two_runners(kind: ComputeKind, jobs: Sequence[Job], placements: Sequence[Placement]) -> None:
    """Launch two runners, kill the first, and see that the second lives on."""
    try:
        for job, placement in zip(jobs, placements, strict=True):
            kind.launch(job, placement)
        kind.kill(placements[0])
        wait_for(lambda: kind.status(placements[0]) is RunnerStatus.GONE)
        assert kind.status(placements[1]) is RunnerStatus.ALIVE
    finally:
        kind.kill(placements[1])
    wait_for(lambda: kind.status(placements[1]) is RunnerStatus.GONE)


class ComputeContract:
    """Inherit, and give a fixture ``kind`` on which nothing is executed."""

    @pytest.fixture
    def kind(self) -> ComputeKind:
        """A kind without runners."""
        raise pytest.UsageError("override the fixture `kind`")

    def test_placement_starts_nothing_and_can_be_kept(self, kind: ComputeKind) -> None:
        """It is plain data, and each attempt has its own."""
        job = job_of()
        placement = kind.place(job, NODE)
        assert codec.decode(dict, codec.encode(placement)) == placement
        assert kind.place(replace(job, attempt=2), NODE) != placement
        assert kind.status(placement) is RunnerStatus.ABSENT

    def test_launched_runner_lives_until_it_is_killed(self, kind: ComputeKind) -> None:
        """Launching it again changes nothing; killing what is gone is no error."""
        job = job_of()
        placement = kind.place(job, NODE)
        kind.launch(job, placement)
        try:
            assert kind.status(placement) is RunnerStatus.ALIVE
            kind.launch(job, placement)
            assert kind.status(placement) is RunnerStatus.ALIVE
        finally:
            kind.kill(placement)
        wait_for(lambda: kind.status(placement) is RunnerStatus.GONE)
        kind.kill(placement)
        kind.cancel(placement)

    def test_runs_of_one_id_in_two_workspaces_are_two(self, kind: ComputeKind) -> None:
        """Killing one leaves the other."""
        jobs = [job_of(), job_of()]
        placements = [kind.place(job, NODE) for job in jobs]
        check_two_runners(kind, jobs, placements)

    def test_what_a_runner_left_is_delivered_by_another_process(self, kind: ComputeKind) -> None:
        """Which lives in its place."""
        job = job_of()
        placement = kind.place(job, NODE)
        kind.launch(job, placement)
        kind.kill(placement)
        wait_for(lambda: kind.status(placement) is RunnerStatus.GONE)
        kind.deliver(job, placement)
        try:
            assert kind.status(placement) is RunnerStatus.ALIVE
        finally:
            kind.kill(placement)
        wait_for(lambda: kind.status(placement) is RunnerStatus.GONE)

    def test_id_of_a_forgotten_run_can_be_used_again(self, kind: ComputeKind) -> None:
        """Forgetting and clearing what is not there is no error."""
        job = job_of()
        placement = kind.place(job, NODE)
        kind.launch(job, placement)
        kind.kill(placement)
        wait_for(lambda: kind.status(placement) is RunnerStatus.GONE)
        for _ in range(2):
            kind.forget(job.workspace_id, [job.run_id, "never"])
            assert kind.status(placement) is RunnerStatus.ABSENT
            kind.clear(job.workspace_id)


class ProviderContract:
    """Inherit, and give a fixture ``provider`` without nodes."""

    @pytest.fixture
    def provider(self) -> NodeProvider:
        """A provider without nodes."""
        raise pytest.UsageError("override the fixture `provider`")

    def test_node_is_made_and_removed_however_often_that_is_said(self, provider: NodeProvider) -> None:
        """A server that was killed in between says it again."""
        for _ in range(2):
            provider.make(NODE)
        for _ in range(2):
            provider.remove(NODE)
        provider.remove("never made")

    def test_runs_are_executed_on_a_node(self, provider: NodeProvider) -> None:
        """By what the provider names."""
        provider.make(NODE)
        job, kind = job_of(), provider.runners
        placement = kind.place(job, NODE)
        kind.launch(job, placement)
        try:
            assert kind.status(placement) is RunnerStatus.ALIVE
        finally:
            kind.kill(placement)
        wait_for(lambda: kind.status(placement) is RunnerStatus.GONE)
        provider.remove(NODE)

    def test_sizes_tell_what_a_node_has(self, provider: NodeProvider) -> None:
        """One at least, each with cores, memory and a disk."""
        assert provider.sizes()
        for size in provider.sizes():
            assert size.name
            assert min(size.cores, size.memory_bytes, size.disk_bytes) > 0
            assert size.gpus >= 0
