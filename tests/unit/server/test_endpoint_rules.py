"""States of web services, the keeper's next step, ports, and what a deployment must hold."""

from dataclasses import replace

import pytest

from terrazul.core.errors import Conflict, InvalidInput, TerrazulError, WebserviceException
from terrazul.server.endpoint.rules import (
    LONGEST_PAUSE,
    SHORTEST_PAUSE,
    SILENCE_LIMIT,
    STOP_PATIENCE,
    Care,
    Content,
    ModelFacts,
    Wanted,
    Watch,
    care_for,
    check_keys,
    check_models,
    check_new,
    check_settings,
    check_source,
    choose_port,
    makes_revision,
    models_in_use,
    state_of,
)
from terrazul.wire.endpoint import (
    ComputeType,
    Deployment,
    Driver,
    NewWebservice,
    ServiceError,
    ServiceReport,
    ServiceSettings,
    WebserviceKeys,
    WebserviceState,
)
from terrazul.wire.environment import EnvironmentDefinition

ERROR = ServiceError("InitFailed", "init() raised")
FIRST = Wanted(revision=1, since_order=1, ever_healthy=False)
SECOND = Wanted(revision=2, since_order=5, ever_healthy=True)
BEGINNING = ServiceReport(attempt=1, sequence=1, known_order=0, order=0, serving_revision=0, workers=0)
SERVING = replace(BEGINNING, known_order=5, order=5, serving_revision=1, workers=2)


@pytest.mark.parametrize(
    ("report", "wanted", "state"),
    [
        (BEGINNING, FIRST, "Transitioning"),
        (replace(BEGINNING, known_order=1, phase="environment"), FIRST, "Transitioning"),
        (replace(BEGINNING, known_order=1, order=1, error=ERROR), FIRST, "Failed"),
        (replace(BEGINNING, known_order=1, phase="start", error=ERROR), FIRST, "Transitioning"),
        (SERVING, FIRST, "Healthy"),
        (replace(SERVING, workers=0, error=ERROR), FIRST, "Unhealthy"),
        (replace(SERVING, error=ERROR), FIRST, "Healthy"),
        (replace(SERVING, known_order=4), SECOND, "Transitioning"),
        (replace(SERVING, known_order=4, error=ERROR), SECOND, "Transitioning"),
        (replace(SERVING, phase="models"), SECOND, "Transitioning"),
        (replace(SERVING, error=ERROR), SECOND, "Healthy"),
        (replace(SERVING, error=ERROR, workers=0), SECOND, "Unhealthy"),
        (replace(SERVING, serving_revision=2), SECOND, "Healthy"),
        (replace(BEGINNING, known_order=5, order=5, error=ERROR), SECOND, "Unhealthy"),
    ],
)
def test_state_follows_from_the_report(report: ServiceReport, wanted: Wanted, state: str):
    assert state_of(report, wanted) is WebserviceState(state)


NOW = 10**12
ALIVE = Watch(True, False, None, 0, 0, None, NOW)
DEAD = ALIVE._replace(alive=False)


@pytest.mark.parametrize(
    ("watch", "care"),
    [
        (ALIVE, Care.NOTHING),
        (ALIVE._replace(silent_looks=SILENCE_LIMIT + 1), Care.KILL),
        (ALIVE._replace(deleting=True), Care.STOP),
        (ALIVE._replace(deleting=True, stop_told_at=NOW - 1), Care.NOTHING),
        (ALIVE._replace(deleting=True, stop_told_at=NOW - STOP_PATIENCE - 1), Care.KILL),
        (DEAD, Care.LAUNCH),
        (DEAD._replace(deleting=True), Care.REMOVE),
        (DEAD._replace(launched_at=NOW - 1), Care.LAUNCH),
        (DEAD._replace(launched_at=NOW - 1, launches=1), Care.NOTHING),
        (DEAD._replace(launched_at=NOW - SHORTEST_PAUSE, launches=1), Care.LAUNCH),
        (DEAD._replace(launched_at=NOW - SHORTEST_PAUSE, launches=3), Care.NOTHING),
        (DEAD._replace(launched_at=NOW - 4 * SHORTEST_PAUSE, launches=3), Care.LAUNCH),
        (DEAD._replace(launched_at=NOW - LONGEST_PAUSE, launches=1000), Care.LAUNCH),
    ],
)
def test_care(watch: Watch, care: Care):
    assert care_for(watch) is care


def test_revision_is_made_where_what_is_served_changes():
    content = Content(Deployment(entry_script="score.py"), ServiceSettings(), "")
    same = Content(Deployment(entry_script="score.py"), ServiceSettings(worker_count=1), "")
    assert not makes_revision(content, same, failed=False)
    assert makes_revision(content, same, failed=True)
    assert makes_revision(content, content._replace(settings=ServiceSettings(worker_count=2)), failed=False)
    assert makes_revision(content, content._replace(deployment=Deployment(models=["m:1"])), failed=False)
    assert makes_revision(content, content._replace(image_id="i:1"), failed=False)


def test_port_is_the_first_that_nobody_has():
    assert choose_port(None, 100, {100, 102}, lambda port: port != 101) == 103
    assert choose_port(7, 100, {100}, lambda _: True) == 7


@pytest.mark.parametrize(
    ("wanted", "error"), [(100, Conflict), (101, Conflict), (0, InvalidInput), (65536, InvalidInput)]
)
def test_port_that_cannot_be_had_is_named(wanted: int, error: type[TerrazulError]):
    with pytest.raises(error, match=str(wanted)):
        choose_port(wanted, 1, {100}, lambda port: port != 101)


def test_ports_come_to_an_end():
    with pytest.raises(Conflict, match="65000"):
        choose_port(None, 65000, set(), lambda _: False)


NEW = NewWebservice("service", "id", ComputeType.ACI, Deployment())


@pytest.mark.parametrize(
    "change",
    [{"name": "Upper"}, {"name": "a" * 33}, {"deployment": None}, {"image_id": "i:1"}, {"deployment_id": "x" * 65},
     {"deployment_id": "\n"}, {"settings": ServiceSettings(worker_count=0)}, {"keys": WebserviceKeys("ä", "")}],
)  # fmt: skip
def test_new_web_service_that_is_wrong_by_itself(change: dict[str, object]):
    check_new(NEW)
    with pytest.raises(TerrazulError):
        check_new(replace(NEW, **change))


@pytest.mark.parametrize("key", ["", "x", "~!" * 256])
def test_key_of_the_callers_own(key: str):
    check_keys(WebserviceKeys(key, key))


@pytest.mark.parametrize("key", [" ", "a b", "a\n", "\0", "é", "x" * 513])
def test_key_that_no_header_can_carry(key: str):
    with pytest.raises(InvalidInput, match="A key holds what no HTTP header can carry"):
        check_keys(WebserviceKeys("", key))


@pytest.mark.parametrize(
    "settings",
    [{"worker_count": 0}, {"worker_count": 257}, {"cpu_cores": 0.0}, {"cpu_cores": float("nan")}, {"memory_gb": -1.0},
     {"memory_gb": float("inf")}, {"scoring_timeout_ms": 0}, {"queue_limit": -1}, {"max_batch_size": 0},
     {"max_request_wait_ms": 0}, {"cors_origins": [""]}, {"cors_origins": ["https://a\r\nX: y"]},
     {"ssl_enabled": True}, {"ssl_enabled": True, "ssl_certificate": "x"}],
)  # fmt: skip
def test_settings_that_nothing_is_served_with(settings: dict[str, object]):
    check_settings(ServiceSettings())
    with pytest.raises(TerrazulError):
        check_settings(ServiceSettings(**settings))


@pytest.mark.parametrize("script", ["", "other.py", "/score.py", "../score.py", "folder"])
def test_entry_script_is_in_the_source(script: str):
    check_source(Deployment(entry_script="folder/score.py"), {"folder/score.py"})
    with pytest.raises(TerrazulError):
        check_source(Deployment(entry_script=script), {"folder/score.py"})


def test_entry_script_of_that_name_elsewhere_is_told():
    with pytest.raises(WebserviceException) as refused:
        check_source(Deployment(entry_script="score.py"), {"src/score.py", "src/other.py"})
    assert refused.value.hint
    assert "src/score.py" in refused.value.hint
    assert "other.py" not in refused.value.hint


@pytest.mark.parametrize("variables", [{"": "x"}, {"a=b": "x"}, {"a\0": "x"}, {"a": "\0"}])
def test_variables_that_no_process_can_have(variables: dict[str, str]):
    environment = EnvironmentDefinition(environment_variables=variables)
    with pytest.raises(WebserviceException):
        check_source(Deployment(driver=Driver.MLFLOW, environment=environment), set())


PLAIN, MLFLOW = ModelFacts("plain:1", False, 1), ModelFacts("mlflow:1", True, 5)


@pytest.mark.parametrize(
    ("driver", "models", "fits"),
    [
        (Driver.ENTRY_SCRIPT, [], True),
        (Driver.ENTRY_SCRIPT, [PLAIN, MLFLOW], True),
        (Driver.ENTRY_SCRIPT, [PLAIN, PLAIN], False),
        (Driver.MLFLOW, [MLFLOW], True),
        (Driver.MLFLOW, [PLAIN], False),
        (Driver.MLFLOW, [], False),
        (Driver.SKLEARN, [PLAIN], True),
        (Driver.SKLEARN, [MLFLOW], False),
        (Driver.SKLEARN, [PLAIN, MLFLOW], False),
    ],
)
def test_models_fit_their_driver(driver: Driver, models: list[ModelFacts], fits: bool):
    if fits:
        check_models(driver, models)
    else:
        with pytest.raises(WebserviceException):
            check_models(driver, models)


def test_models_in_use_are_those_of_all_revisions():
    assert models_in_use([Deployment(models=["a:1", "b:1"]), Deployment(models=["b:1", "c:2"])]) == [
        "a:1",
        "b:1",
        "c:2",
    ]
