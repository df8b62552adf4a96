"""kill -9 of the server at random moments while eight writers log: what was acknowledged must be there.

A checker keeps the history of what each writer was told. After each round it asks the server that came back.
"""

from __future__ import annotations

import argparse
import http.client
import random
import tempfile
import threading
import time
from pathlib import Path

from measure import Figure, show

from terrazul.testing.server import RunningServer

WRITERS = 8


class Writer(threading.Thread):
    """Logs to one run, batch after batch, and sends a batch again until it has been acknowledged."""

    def __init__(self, server: RunningServer, workspace: str, number: int) -> None:
        super().__init__(daemon=True)
        self.run_id = f"run{number}"
        self.acknowledged = 0
        self.ending = threading.Event()
        self._server = server
        self._workspace = workspace

    def run(self) -> None:
        """Write until told to end."""
        self._send(1, runs=[{"run_id": self.run_id, "experiment_name": "kill", "time": 1}])
        while not self.ending.is_set():
            value = self.acknowledged + 1
            if self._send(value + 1, metrics=[{"run_id": self.run_id, "name": "m", "value": value, "time": value}]):
                self.acknowledged = value

    def _send(self, sequence: int, **lists: object) -> bool:
        batch = {"writer": self.run_id, "sequence": sequence, **lists}
        while not self.ending.is_set():
            try:
                self._server.call("POST", f"{self._workspace}/writes", batch)
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.02)
            else:
                return True
        return False


def main(rounds: int, seed: int) -> bool:
    """Kill the server ``rounds`` times."""
    chance = random.Random(seed)  # noqa: S311  # chance, not a secret
    slowest = 0.0
    lost = doubled = 0
    with tempfile.TemporaryDirectory() as folder:
        server = RunningServer(Path(folder) / "home")
        server.start()
        workspace = server.workspace()
        writers = [Writer(server, workspace, number) for number in range(WRITERS)]
        for writer in writers:
            writer.start()
        for _ in range(rounds):
            time.sleep(chance.uniform(0.05, 1.0))
            server.kill()
            told = {writer.run_id: writer.acknowledged for writer in writers}
            begin = time.perf_counter()
            server.start()
            slowest = max(slowest, time.perf_counter() - begin)
            for run_id, count in told.items():
                values = _values(server, workspace, run_id)
                lost += max(0, count - len(values))
                doubled += len(values) - len(set(values))
        for writer in writers:
            writer.ending.set()
        for writer in writers:
            writer.join()
            values = _values(server, workspace, writer.run_id)
            lost += sum(value not in set(values) for value in range(1, writer.acknowledged + 1))
        total = sum(writer.acknowledged for writer in writers)
        server.stop()
    return show(
        f"kill -9 of the server, {rounds} rounds, {WRITERS} writers, {total} acknowledged points (seed {seed})",
        [
            Figure("acknowledged points lost", lost, "points", 0),
            Figure("points doubled", doubled, "points", 0),
            Figure("slowest start after a kill", slowest, "s", 2.0, "no manual repair"),
        ],
    )


def _values(server: RunningServer, workspace: str, run_id: str) -> list[int]:
    metrics = server.call("GET", f"{workspace}/runs/{run_id}/metrics")[0]["metrics"]
    return list(metrics[0]["values"]) if metrics else []


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    raise SystemExit(not main(options.rounds, options.seed))
