"""Compute targets as v1 code uses them."""

from pathlib import Path

import pytest

from azureml.core import Experiment, Run, ScriptRunConfig, Workspace
from azureml.core.compute import AmlCompute, ComputeInstance, ComputeTarget, DatabricksCompute
from azureml.core.compute_target import ComputeTargetException, LocalTarget
from azureml.core.runconfig import RunConfiguration
from terrazul.core.errors import CapabilityNotAvailable, RunConfigurationException
from terrazul.testing.submission import wait_for

from .conftest import this_python

STATUS_KEYS = {
    "currentNodeCount", "targetNodeCount", "nodeStateCounts", "allocationState", "allocationStateTransitionTime",
    "errors", "creationTime", "modifiedTime", "provisioningState", "provisioningStateTransitionTime", "scaleSettings",
    "vmPriority", "vmSize",
}  # fmt: skip


def script(person: Path, text: str) -> str:
    folder = person / "source"
    folder.mkdir(exist_ok=True)
    (folder / "train.py").write_text(text)
    return str(folder)


def test_cluster_that_is_missing_is_made_by_the_code_that_looks_for_it(
    workspace: Workspace, person: Path, capsys: pytest.CaptureFixture[str]
):
    """The idiom of nearly all public v1 code that uses a cluster."""
    name = "cpu-cluster"
    try:
        cluster = ComputeTarget(workspace=workspace, name=name)
        pytest.fail("there is no cluster yet")
    except ComputeTargetException:
        configuration = AmlCompute.provisioning_configuration(
            vm_size="STANDARD_D2_V2", max_nodes=2, idle_seconds_before_scaledown=1
        )
        cluster = ComputeTarget.create(workspace, name, configuration)
    cluster.wait_for_completion(show_output=True, min_node_count=None, timeout_in_minutes=20)
    told = capsys.readouterr().out
    assert told.startswith(("Creating\nSucceeded\n", "Succeeded\n"))
    assert "AmlCompute wait for completion finished\n\nMinimum number of nodes requested have been provisioned" in told

    found = ComputeTarget(workspace=workspace, name=name)
    assert isinstance(found, AmlCompute)
    assert (found.type, found.provisioning_state, found.vm_size) == ("AmlCompute", "Succeeded", "STANDARD_D2_V2")
    status = found.get_status().serialize()
    assert status.keys() == STATUS_KEYS
    assert status["scaleSettings"] == {"minNodeCount": 0, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT1S"}
    assert name in workspace.compute_targets
    assert workspace.get_default_compute_target("CPU").name == name
    assert workspace.get_default_compute_target("GPU") is None

    config = ScriptRunConfig(
        script(person, "print('on a node')"), "train.py", compute_target=cluster, environment=this_python()
    )
    run = Experiment(workspace, "clusters").submit(config)
    assert [each.id for each in cluster.get_active_runs()] == [run.id]
    run.wait_for_completion()
    assert run.get_details()["target"] == name
    assert [each.id for each in Run.list_by_compute(cluster)] == [run.id]
    wait_for(lambda: cluster.get_status().current_node_count == 0)
    cluster.delete()
    cluster.wait_for_completion(is_delete_operation=True)
    assert name not in workspace.compute_targets
    with pytest.raises(ComputeTargetException, match="no compute target 'cpu-cluster'"):
        cluster.refresh_state()


def test_cluster_is_changed_and_told_in_v1s_words(workspace: Workspace, capsys: pytest.CaptureFixture[str]):
    configuration = AmlCompute.provisioning_configuration("STANDARD_D2_V2", min_nodes=1, max_nodes=1)
    cluster = AmlCompute.create(workspace, "own", configuration)
    cluster.wait_for_completion(show_output=True, min_node_count=5)
    assert "more come when runs wait for them" in capsys.readouterr().out
    (node,) = cluster.list_nodes()
    assert (node["nodeState"], node["runId"]) == ("idle", None)
    cluster.update(min_nodes=0, max_nodes=3, idle_seconds_before_scaledown=0)
    assert cluster.scale_settings.maximum_node_count == 3
    wait_for(lambda: not cluster.list_nodes())
    again = ComputeTarget.deserialize(workspace, cluster.serialize())
    assert again.serialize() == cluster.get()
    with pytest.raises(ComputeTargetException, match="cannot become 'STANDARD_NC6'"):
        ComputeTarget.create(workspace, "own", AmlCompute.provisioning_configuration("STANDARD_NC6"))
    for refused in (cluster.detach, lambda: cluster.add_identity("SystemAssigned")):
        with pytest.raises(ComputeTargetException):
            refused()
    assert AmlCompute.supported_vmsizes(workspace=workspace)[0]["vCPUs"] >= 1
    assert AmlCompute.list_usages(workspace)[0].keys() == {"name", "currentValue", "limit", "unit"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_nodes": 0}, "max_nodes is 0"),
        ({"min_nodes": 3, "max_nodes": 2}, "more than max_nodes"),
        ({"min_nodes": "1"}, "must be a whole number"),
        ({"vm_priority": "cheap"}, "one of dedicated, lowpriority"),
        ({"vnet_name": "net"}, "given together"),
        ({"admin_username": "me"}, "without admin_user_password"),
        ({"identity_type": "other"}, "identity_type is 'other'"),
    ],
)
def test_configuration_that_cannot_be_says_so_at_once(arguments: dict[str, object], message: str):
    with pytest.raises(ComputeTargetException, match=message):
        AmlCompute.provisioning_configuration(**arguments)  # type: ignore[arg-type]  # values of the wrong kind


def test_run_configuration_names_a_cluster_or_asks_for_one_of_its_own(workspace: Workspace, person: Path):
    config = RunConfiguration()
    config.target = "amlcompute"
    config.amlcompute.vm_size = "STANDARD_D2_V2"
    config.environment = this_python()
    source = ScriptRunConfig(script(person, "print('on demand')"), "train.py", run_config=config)
    run = Experiment(workspace, "clusters").submit(source)
    run.wait_for_completion()
    assert run.get_details()["target"].startswith("od-")
    assert not [name for name in workspace.compute_targets if name.startswith("od-")]
    config.target = "nowhere"
    with pytest.raises(ComputeTargetException, match="no compute target 'nowhere'"):
        Experiment(workspace, "clusters").submit(source)
    config.target = LocalTarget()
    config.node_count = 2
    with pytest.raises(RunConfigurationException, match="asks for 2 nodes"):
        Experiment(workspace, "clusters").submit(source)


def test_kinds_that_name_clouds_say_what_to_use_instead(workspace: Workspace):
    for kind, instead in ((DatabricksCompute, "Run it on a cluster"), (ComputeInstance, "submit to 'local'")):
        with pytest.raises(CapabilityNotAvailable, match=instead):
            kind(workspace, "x")


def test_workspace_is_made_with_its_default_cluster(person: Path):
    assert person.is_dir()
    made = Workspace.create(
        "with-cluster", default_cpu_compute_target=Workspace.DEFAULT_CPU_CLUSTER_CONFIGURATION, show_output=False
    )
    assert list(made.compute_targets) == ["cpu-cluster"]
