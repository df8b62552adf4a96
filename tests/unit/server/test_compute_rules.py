"""How many nodes a cluster has, and what a run that waits is told."""

import pytest

from terrazul.core.errors import ComputeTargetException
from terrazul.server.compute.rules import (
    SECOND,
    UNUSABLE_PATIENCE,
    Demand,
    Machine,
    NodeFacts,
    Queued,
    Scaling,
    check_credential,
    plan,
    read_settings,
    seconds_until_next_look,
    state_after,
    why_it_waits,
)
from terrazul.wire.compute import (
    CLUSTER,
    REMOTE,
    ClusterSettings,
    NodeCounts,
    NodeState,
    ProvisioningState,
    RemoteSettings,
)

IDLE, BUSY, MAKING = NodeState.IDLE, NodeState.RUNNING, NodeState.PREPARING
LEAVING, UNUSABLE = NodeState.LEAVING, NodeState.UNUSABLE
NOW = 1_000 * SECOND


def settings(low: int = 0, high: int = 4, idle: int = 10) -> ClusterSettings:
    return ClusterSettings(min_nodes=low, max_nodes=high, idle_seconds_before_scaledown=idle)


def nodes(*states: NodeState, age: float = 100) -> list[NodeFacts]:
    """Nodes with the keys 101, 102, … and the numbers 1, 2, …, that have been so for so many seconds."""
    return [NodeFacts(100 + number, number, state, NOW - int(age * SECOND)) for number, state in enumerate(states, 1)]


def demand(waiting: int = 0, room: int | None = None, *, going: bool = False) -> Demand:
    return Demand(waiting, room, going)


@pytest.mark.parametrize(
    ("what", "there", "asked", "added", "left"),
    [
        (settings(), [], demand(3), (1, 2, 3), ()),
        (settings(high=2), [], demand(3), (1, 2), ()),
        (settings(low=2), [], demand(), (1, 2), ()),
        (settings(), nodes(BUSY), demand(1), (2,), ()),
        (settings(), nodes(IDLE), demand(1), (), ()),
        (settings(), nodes(MAKING, BUSY), demand(1), (), ()),
        (settings(), nodes(LEAVING), demand(1), (2,), ()),
        (settings(), nodes(BUSY, IDLE, BUSY), demand(), (), (102,)),
        (settings(low=1), nodes(IDLE, IDLE, IDLE), demand(), (), (103, 102)),
        (settings(), nodes(IDLE, IDLE, age=9), demand(), (), ()),
        (settings(idle=0), nodes(IDLE, age=0), demand(), (), (101,)),
        (settings(idle=0), nodes(IDLE, age=0), demand(1), (), ()),
        (settings(high=1, idle=500), nodes(IDLE, IDLE, IDLE), demand(2), (), (103, 102)),
        (settings(high=1), nodes(BUSY, BUSY), demand(), (), ()),
        (settings(), [], demand(3, 2), (1, 2), ()),
        (settings(), nodes(BUSY), demand(3, -1), (), ()),
        (settings(low=1), nodes(UNUSABLE, age=1), demand(), (), ()),
        (settings(low=1), nodes(UNUSABLE), demand(), (), (101,)),
        (settings(low=2), nodes(IDLE, BUSY, MAKING, UNUSABLE, LEAVING), demand(going=True), (), (101, 103, 104)),
    ],
)
def test_nodes_come_for_those_that_wait_and_go_when_nobody_needs_them(
    what: ClusterSettings, there: list[NodeFacts], asked: Demand, added: tuple[int, ...], left: tuple[int, ...]
):
    found = plan(what, there, asked, NOW)
    assert (found.add, found.leave) == (added, left)
    assert bool(found.reason) == bool(added or left)


def test_busy_node_never_goes_and_none_below_the_smallest_number():
    """Whatever the settings and the demand."""
    states = [IDLE, BUSY, MAKING, IDLE]
    for low in range(4):
        for high in range(max(1, low), 5):
            for waiting in range(4):
                for going in (False, True):
                    there = nodes(*states)
                    found = plan(settings(low, high, 0), there, demand(waiting, going=going), NOW)
                    assert 102 not in found.leave
                    if not going:
                        assert len(there) - len(found.leave) >= low
                        assert len(there) + len(found.add) - len(found.leave) <= max(high, len(there))


def test_what_is_done_is_told_with_its_reason():
    assert plan(settings(), [], demand(1), NOW).reason == "From 0 to 1 node: a run waits for a node."
    assert plan(settings(low=2), [], demand(), NOW).reason == "From 0 to 2 nodes: it keeps at least 2."
    assert plan(settings(), nodes(IDLE), demand(), NOW).reason == "From 1 to 0 nodes: idle for 10 s."
    assert plan(settings(high=1), nodes(IDLE, IDLE), demand(), NOW).reason.endswith("it may have 1 at most.")
    assert plan(settings(), nodes(UNUSABLE), demand(), NOW).reason.endswith("makes room for another one.")
    assert plan(settings(), [], demand(2, 0), NOW) == Scaling(hindered=True)


def test_next_look_comes_when_a_node_has_been_idle_long_enough():
    assert seconds_until_next_look(settings(), nodes(IDLE, age=7), NOW, 60) == 3
    assert seconds_until_next_look(settings(), nodes(BUSY), NOW, 60) == 60
    patience = UNUSABLE_PATIENCE / SECOND
    assert seconds_until_next_look(settings(), nodes(UNUSABLE, age=10), NOW, 600) == patience - 10


@pytest.mark.parametrize(
    ("low", "states", "hindered", "expected"),
    [
        (0, (), False, ProvisioningState.SUCCEEDED),
        (1, (MAKING,), False, ProvisioningState.CREATING),
        (1, (IDLE,), False, ProvisioningState.SUCCEEDED),
        (1, (), True, ProvisioningState.SUCCEEDED),
        (1, (UNUSABLE,), False, ProvisioningState.FAILED),
    ],
)
def test_cluster_is_made_when_it_has_the_nodes_that_it_keeps(
    low: int, states: tuple[NodeState, ...], hindered: bool, expected: ProvisioningState
):
    found = state_after(ProvisioningState.CREATING, settings(low), nodes(*states), hindered=hindered)
    assert found is expected
    assert state_after(ProvisioningState.DELETING, settings(low), nodes(*states), hindered=hindered) is (
        ProvisioningState.DELETING
    )


FREE, FULL = Machine(0, 2), Machine(2, 2)


@pytest.mark.parametrize(
    ("before", "counts", "machine", "hindrance", "told"),
    [
        (0, NodeCounts(idle=1), FREE, "", ""),
        (0, NodeCounts(idle=1), FULL, "", "Waits for a place on the server's machine: 2 of 2 are taken."),
        (0, NodeCounts(), FREE, "", "Waits for a node of 'c', which is being made."),
        (0, NodeCounts(running=2), FREE, "", "Waits for a node of 'c': 2 of 2 nodes are busy."),
        (3, NodeCounts(running=2), FREE, "", "Waits for a node of 'c': 2 of 2 nodes are busy; 3 runs are before it."),
        (
            1,
            NodeCounts(running=1),
            FREE,
            "No.",
            "Waits for a node of 'c', which has 1 busy node; 1 run is before it. No.",
        ),
    ],
)
def test_run_that_waits_is_told_for_what(before: int, counts: NodeCounts, machine: Machine, hindrance: str, told: str):
    assert why_it_waits(Queued("c", before), settings(high=2), counts, machine, hindrance) == told


@pytest.mark.parametrize(
    ("queued", "counts", "told"),
    [
        (Queued("c", 0, 2), NodeCounts(idle=2), ""),
        (Queued("c", 0, 2), NodeCounts(idle=1), "Waits for 2 nodes of 'c', which are being made."),
        (Queued("c", 0, 3), NodeCounts(idle=2, running=2), "Waits for 3 nodes of 'c': 2 of 4 nodes are busy."),
        (Queued("c", 0, 5), NodeCounts(), "Waits for 5 nodes of 'c', which may have 4."),
        (
            Queued("c", 1, 1, 3),
            NodeCounts(idle=2, running=2),
            "Waits for a node of 'c': 2 of 4 nodes are busy; 1 run is before it and needs 3 nodes.",
        ),
        (
            Queued("c", 2, 1, 5),
            NodeCounts(idle=2),
            "Waits for a node of 'c': 0 of 4 nodes are busy; 2 runs are before it and need 5 nodes.",
        ),
    ],
)
def test_run_of_several_nodes_and_those_behind_it_are_told_so(queued: Queued, counts: NodeCounts, told: str):
    assert why_it_waits(queued, settings(), counts, FREE, "") == told


def test_cluster_grows_for_a_run_of_several_nodes():
    found = plan(settings(), nodes(BUSY), Demand(3, None, going=False, gangs=True), NOW)
    assert (found.add, found.reason) == ((2, 3, 4), "From 1 to 4 nodes: those that wait need 3 nodes.")


def test_run_of_the_machine_itself_waits_for_a_place():
    assert why_it_waits(Queued("local", 0), None, NodeCounts(), FREE, "") == ""
    told = "Waits for a place on the server's machine: 2 of 2 are taken; 1 run is before it."
    assert why_it_waits(Queued("local", 1), None, NodeCounts(), FULL, "") == told


def test_settings_are_taken_over_those_that_are_there():
    there = settings(1, 2, 3)
    assert read_settings({"max_nodes": 5}, there) == settings(1, 5, 3)
    with pytest.raises(ComputeTargetException, match="more than max_nodes"):
        read_settings({"min_nodes": 3}, there)
    with pytest.raises(ComputeTargetException, match="must be of type int"):
        read_settings({"min_nodes": 1.0}, there)


MACHINE = {"address": "vm.example", "username": "me"}
FINGERPRINT = "SHA256:" + "a" * 43


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"address": "10.0.0.7", "port": 2222, "host_key": FINGERPRINT},
        {"address": "fe80::1", "username": "DOMAIN\\\\me@there"},
        {"username": "$(reboot);'", "folder": "/data/it's $(mine)"},
        {"max_concurrent_runs": 100},
    ],
)
def test_machine_can_have_these_settings(given: dict[str, object]):
    made = read_settings({**MACHINE, **given}, RemoteSettings())
    assert {name: getattr(made, name) for name in given} == given


@pytest.mark.parametrize(
    "given",
    [
        {"address": ""},
        {"address": "vm.example; reboot"},
        {"address": "-oProxyCommand=x"},
        {"address": "me@vm"},
        {"address": "vm\n"},
        {"port": 0},
        {"port": 65536},
        {"port": "22"},
        {"username": ""},
        {"username": "a b"},
        {"username": "a\0"},
        {"username": "a\n"},
        {"host_key": "SHA256:short"},
        {"host_key": f"MD5:{FINGERPRINT}"},
        {"max_concurrent_runs": 0},
        {"max_concurrent_runs": 101},
        {"folder": ""},
        {"folder": "a/../../b"},
        {"folder": "-rf"},
        {"folder": "~other"},
        {"folder": "a\nb"},
        {"folder": "a\\\\b"},
        {"own": "chosen"},
        {"vm_size": "x"},
    ],
)
def test_machine_cannot_have_these(given: dict[str, object]):
    with pytest.raises(ComputeTargetException):
        read_settings({**MACHINE, **given}, RemoteSettings())


@pytest.mark.parametrize(
    ("kind", "credential"),
    [
        (REMOTE, {}),
        (REMOTE, {"password": ""}),
        (REMOTE, {"password": "a", "private_key": "b"}),
        (REMOTE, {"private_key_passphrase": "a"}),
        (REMOTE, {"password": "a", "token": "b"}),
        (REMOTE, {"password": "a\0"}),
        (REMOTE, {"private_key": "a" * (65 << 10)}),
        (CLUSTER, {"password": "a"}),
    ],
)
def test_credential_that_signs_in_nowhere_is_refused(kind: str, credential: dict[str, str]):
    with pytest.raises(ComputeTargetException) as refused:
        check_credential(kind, credential)
    assert "aaa" not in str(refused.value)


def test_run_that_waits_for_a_machine_is_told_for_what():
    of = read_settings({**MACHINE, "max_concurrent_runs": 2}, RemoteSettings())
    assert why_it_waits(Queued("vm", 0), of, NodeCounts(idle=1), FULL, "") == ""
    told = "Waits for a place on 'vm': 2 of 2 are taken; 1 run is before it."
    assert why_it_waits(Queued("vm", 1), of, NodeCounts(running=2), FREE, "") == told
    told = "Waits for 'vm', which is being connected to."
    assert why_it_waits(Queued("vm", 0), of, NodeCounts(preparing=2), FREE, "") == told
    told = "Waits for a place on 'vm'. It is off."
    assert why_it_waits(Queued("vm", 0), of, NodeCounts(unusable=2), FREE, "It is off.") == told
