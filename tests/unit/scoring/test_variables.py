"""What a worker finds around it."""

from pathlib import Path

import pytest

from terrazul.scoring import variables
from terrazul.scoring.folder import RevisionFolder
from terrazul.wire.endpoint import DeployedModel, Deployment, Driver, Revision, ServiceJob, ServiceSettings
from terrazul.wire.environment import EnvironmentDefinition

JOB = ServiceJob(
    server_url="http://127.0.0.1:1",
    token="secret-token",
    workspace_id="w",
    workspace_name="my-workspace",
    environments_folder="/home/environments",
    name="my-service",
    attempt=1,
    host="127.0.0.1",
    port=1,
)
FOLDER = RevisionFolder(Path("/home/services/w/my-service/revisions/1"))


def revision(
    given: dict[str, str] | None = None,
    settings: ServiceSettings | None = None,
    models: int = 1,
    driver: Driver = Driver.ENTRY_SCRIPT,
) -> Revision:
    environment = EnvironmentDefinition(environment_variables=given or {})
    return Revision(
        number=1,
        deployment=Deployment(entry_script="src/score.py", environment=environment, driver=driver),
        settings=settings or ServiceSettings(),
        source=[],
        models=[DeployedModel(f"model-{number}", 3, []) for number in range(models)],
        mlflow_folder="folder",
    )


def around(one: Revision, fast_json: Path | None = None) -> dict[str, str]:
    return variables.of_worker(JOB, one, FOLDER, Path("/env/bin/python"), Path("/sdk"), fast_json)


def test_v1s_variables_are_there():
    found = around(revision())
    assert found["AML_APP_ROOT"] == f"{FOLDER.root}/source"
    assert found["AZUREML_ENTRY_SCRIPT"] == "src/score.py"
    assert found["AZUREML_MODEL_DIR"] == f"{FOLDER.root}/azureml-models/model-0/3"
    assert (found["SERVICE_NAME"], found["WORKSPACE_NAME"]) == ("my-service", "my-workspace")
    assert "AML_MODEL_DC_STORAGE_ENABLED" not in found


@pytest.mark.parametrize("models", [0, 2])
def test_several_models_lie_in_one_folder(models: int):
    assert around(revision(models=models))["AZUREML_MODEL_DIR"] == f"{FOLDER.root}/azureml-models"


def test_mlflow_finds_its_folder_within_the_model():
    found = around(revision(driver=Driver.MLFLOW))
    assert found["AZUREML_MODEL_DIR"] == f"{FOLDER.root}/azureml-models/model-0/3/folder"


def test_nothing_of_ours_or_of_the_servers_is_there(monkeypatch: pytest.MonkeyPatch):
    for name in ("TERRAZUL_TOKEN", "TERRAZUL_HOME", "AZUREML_RUN_TOKEN", "MLFLOW_TRACKING_URI", "PYTHONHOME"):
        monkeypatch.setenv(name, "ours")
    found = around(revision({"MINE": "x", "PYTHONPATH": "/mine"}))
    assert "ours" not in found.values()
    assert not [value for value in found.values() if JOB.token in value]
    assert (found["MINE"], found["PYTHONPATH"]) == ("x", "/sdk:/mine")


def test_environment_sets_what_the_settings_leave_open():
    given = {"WORKER_COUNT": "4", "SCORING_TIMEOUT_MS": "500", "AML_CORS_ORIGINS": "https://a, https://b"}
    one = revision(given)
    assert (variables.worker_count(one), variables.scoring_timeout_ms(one)) == (4, 500)
    assert variables.cors_origins(one) == ["https://a", "https://b"]
    assert (around(one)["WORKER_COUNT"], around(one)["SCORING_TIMEOUT_MS"]) == ("4", "500")
    two = revision(given, ServiceSettings(worker_count=2, scoring_timeout_ms=900, cors_origins=["*"]))
    assert (variables.worker_count(two), variables.scoring_timeout_ms(two)) == (2, 900)
    assert variables.cors_origins(two) == ["*"]


@pytest.mark.parametrize("text", ["", "many", "-1", "0", "1.5", "²"])
def test_number_that_is_none_sets_nothing(text: str):
    one = revision({"WORKER_COUNT": text, "SCORING_TIMEOUT_MS": text})
    assert (variables.worker_count(one), variables.scoring_timeout_ms(one)) == (1, 3_600_000)


def test_model_data_is_collected_where_it_was_asked_for():
    found = around(revision(settings=ServiceSettings(collect_model_data=True)))
    assert found["AML_MODEL_DC_STORAGE_ENABLED"] == "true"
    assert found["TERRAZUL_MODEL_DATA"] == "/home/modeldata"


def test_fast_json_is_taken_unless_it_is_switched_off():
    assert around(revision(), Path("/fast"))["TERRAZUL_FAST_JSON"] == "/fast"
    assert variables.wants_fast_json(revision())
    switched_off = revision({"TERRAZUL_FAST_JSON": "0"})
    assert not variables.wants_fast_json(switched_off)
    assert around(switched_off)["TERRAZUL_FAST_JSON"] == "0"
