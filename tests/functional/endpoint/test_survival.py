"""What is killed: the server, a supervisor, a worker. What was acknowledged comes about, and what served goes on."""

import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from terrazul.testing.deployment import DeployedService, Deployer, echo
from terrazul.testing.server import RunningServer
from terrazul.testing.submission import is_alive, wait_for


def serves(service: DeployedService, says: str) -> bool:
    try:
        answer = service.ask()
    except OSError:
        return False
    return answer.status == 200 and answer.value["says"] == says


def test_restarted_server_leaves_services_as_they_are(deploy: Deployer):
    service = deploy(echo("goes on"))
    pid, before = service.supervisor_pid, service.score()["pid"]
    deploy.server.stop()
    assert service.score()["says"] == "goes on"
    deploy.server.start_elsewhere()
    wait_for(lambda: service.get()["workers"] == 1)
    service.update(description="seen by the new server")
    assert service.get()["state"] == "Healthy"
    assert (service.supervisor_pid, service.score()["pid"]) == (pid, before)
    service.update(echo("updated by the new server"))
    service.wait()
    assert service.score()["says"] == "updated by the new server"
    assert service.supervisor_pid == pid


def test_server_killed_while_a_service_answers(deploy: Deployer):
    service = deploy(settings={"worker_count": 2})
    ended, statuses = threading.Event(), []

    def load() -> None:
        while not ended.is_set():
            statuses.append(service.ask().status)

    with ThreadPoolExecutor(2) as pool:
        loads = [pool.submit(load) for _ in range(2)]
        wait_for(lambda: len(statuses) > 20)
        deploy.server.kill()
        deploy.server.start()
        seen = len(statuses)
        wait_for(lambda: len(statuses) > seen + 20)
        ended.set()
        for each in loads:
            each.result()
    assert set(statuses) == {200}
    assert service.get()["state"] == "Healthy"


def test_server_killed_while_it_deploys(deploy: Deployer):
    services = [deploy(echo(f"number {number}"), settle=None) for number in range(3)]
    deploy.server.kill()
    deploy.server.start()
    for number, service in enumerate(services):
        service.wait()
        assert service.score()["says"] == f"number {number}"


def test_update_that_was_acknowledged_comes_about_after_a_kill(deploy: Deployer):
    service = deploy(echo("old"))
    service.update("import time\n" + echo("new").replace("print(", "time.sleep(1); print("))
    deploy.server.kill()
    assert service.score()["says"] == "old"
    deploy.server.start()
    wait_for(lambda: service.get()["serving_revision"] == 2)
    assert service.score()["says"] == "new"


def test_server_killed_while_it_deletes(deploy: Deployer):
    service = deploy("import time\ndef init(): pass\ndef run(d): print('at work'); time.sleep(3); return 1\n")
    with ThreadPoolExecutor(2) as pool:
        answer = pool.submit(service.ask)
        wait_for(lambda: "at work" in service.log)
        pid = service.supervisor_pid
        deletion = pool.submit(_delete_roughly, service)
        wait_for(lambda: "ends:" in service.log)
        deploy.server.kill()
        deletion.result()
        answer.result()
    deploy.server.start()
    wait_for(lambda: deploy.server.ask("GET", service.route).status == 404)
    assert not is_alive(pid)
    assert not service.folder.exists()


def _delete_roughly(service: DeployedService) -> None:
    try:
        service.delete()
    except OSError:
        return


def test_killed_supervisor_is_back_at_the_same_port(deploy: Deployer):
    service = deploy(echo("back"))
    first, worker = service.supervisor_pid, service.score()["pid"]
    service.kill_supervisor()
    wait_for(lambda: not is_alive(worker))
    wait_for(lambda: serves(service, "back"))
    assert service.supervisor_pid != first
    told = service.wait()
    assert (told["serving_revision"], told["port"], told["error"]) == (1, service.port, None)


def test_killed_supervisor_comes_back_with_the_revision_that_was_healthy(deploy: Deployer):
    service = deploy(echo("healthy"))
    service.update("def init(): raise ValueError('never')\ndef run(d): return 1\n")
    service.wait()
    service.kill_supervisor()
    wait_for(lambda: serves(service, "healthy"))
    told = wait_for(lambda: (now := service.get()) and now["error"] and now)
    assert (told["state"], told["revision"], told["serving_revision"]) == ("Healthy", 2, 1)
    assert "never" in told["error"]["message"]


def test_supervisor_killed_again_and_again_comes_back(deploy: Deployer):
    service = deploy(echo("stubborn"))
    for _ in range(3):
        pid = service.supervisor_pid
        service.kill_supervisor()
        wait_for(lambda old=pid: service.supervisor_pid != old)
    wait_for(lambda: serves(service, "stubborn"))


def test_everything_killed_at_once_comes_back_with_the_server(deploy: Deployer):
    """As after a power cut."""
    services = [deploy(echo(f"number {number}")) for number in range(2)]
    deploy.server.kill()
    for service in services:
        service.kill_supervisor()
    deploy.server.start()
    for number, service in enumerate(services):
        wait_for(lambda each=service, says=f"number {number}": serves(each, says))


def test_killed_worker_is_replaced(deploy: Deployer):
    service = deploy(settings={"worker_count": 2})
    victim = service.score()["pid"]
    os.kill(victim, signal.SIGKILL)
    for _ in range(20):
        assert service.ask().status == 200
    wait_for(lambda: len(service.worker_pids) == 2 and victim not in service.worker_pids)
    wait_for(lambda: service.get()["workers"] == 2)
    assert service.get()["state"] == "Healthy"


def test_key_that_is_made_while_the_supervisor_is_dead_counts_when_it_is_back(deploy: Deployer):
    service = deploy(settings={"auth_enabled": True})
    old = service.get("/keys")["primary"]
    os.kill(service.supervisor_pid, signal.SIGSTOP)
    service.kill_supervisor()
    new = service.server.call("POST", f"{service.route}/keys", {"which": "Primary"})["primary"]
    wait_for(lambda: _status(service, new) == 200)
    assert _status(service, old) == 401


def _status(service: DeployedService, key: str) -> int:
    try:
        return service.ask(key=key).status
    except OSError:
        return 0


def test_port_that_was_taken_meanwhile_is_told_and_waited_for(deploy: Deployer):
    service = deploy(echo("patient"))
    deploy.server.stop()
    service.kill_supervisor()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        wait_for(lambda: _bound(other, service.port))
        other.listen()
        deploy.server.start()
        told = wait_for(lambda: (now := service.get()) and now["error"] and now)
        assert told["error"]["code"] == "port_taken"
        assert str(service.port) in told["error"]["message"]
        assert told["state"] == "Unhealthy"
    wait_for(lambda: serves(service, "patient"))
    assert service.wait()["error"] is None


def _bound(probe: socket.socket, port: int) -> bool:
    try:
        probe.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def test_supervisor_that_was_told_to_end_comes_back(deploy: Deployer):
    """SIGTERM from outside is not a deletion."""
    service = deploy(echo("again"))
    pid = service.supervisor_pid
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: service.supervisor_pid != pid)
    wait_for(lambda: serves(service, "again"))


def test_supervisor_that_cannot_begin_is_told_of(deploy: Deployer):
    service = deploy(echo("hidden"))
    deploy.server.stop()
    service.kill_supervisor()
    (service.folder / "service.log").unlink()
    (service.folder / "service.log").mkdir()
    deploy.server.start()
    time.sleep(1)
    (service.folder / "service.log").rmdir()
    wait_for(lambda: serves(service, "hidden"))


def test_stranger_at_the_servers_port_is_not_listened_to(deploy: Deployer, tmp_path: Path):
    """Another server, which knows nothing of this web service, answers where its own did."""
    service = deploy(echo("steadfast"))
    pid = service.supervisor_pid
    deploy.server.kill()
    stranger = RunningServer(tmp_path / "stranger", "--port", deploy.server.url.rpartition(":")[2])
    stranger.start()
    end = time.monotonic() + 4
    while time.monotonic() < end:
        assert service.score()["says"] == "steadfast"
    stranger.stop()
    deploy.server.start()
    service.update(description="known again")
    assert service.wait()["description"] == "known again"
    assert (service.supervisor_pid, service.score()["says"]) == (pid, "steadfast")
