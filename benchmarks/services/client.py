"""MLflow's own client: ``client.py ADDRESS RUN CALLS`` prints the milliseconds of one ``log_metric``."""

import sys
import time

from mlflow import MlflowClient


def main(address: str, run_id: str, calls: int) -> float:
    """The mean of all calls but the first ones."""
    client = MlflowClient(address)
    for step in range(5):
        client.log_metric(run_id, "client", step, step=step)
    begin = time.perf_counter()
    for step in range(5, calls + 5):
        client.log_metric(run_id, "client", step, step=step)
    return (time.perf_counter() - begin) / calls * 1000


if __name__ == "__main__":
    print(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
