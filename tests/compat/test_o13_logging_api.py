"""O13: every call that logs, and every way to read back."""

import os
import random
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import azureml.core
from azureml.core import Experiment, Run, Workspace

COLUMNS = ["expected", "actual", "calculated", "inferred", "determined"]


def test_o13_logging_api(project: Path):
    workspace = Workspace.from_config()
    assert azureml.core.VERSION
    experiment = Experiment(workspace=workspace, name="logging-api-test")
    run = experiment.start_logging()
    scale = 2
    assert experiment._repr_html_()
    run.log(name="Category", value="Red")
    run.log(name="scale factor", value=scale)
    run.log(name="Magic Number", value=42 * scale)
    fibonacci = [0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89]
    run.log_list(name="Fibonacci", value=(value * scale for value in fibonacci))
    for value in range(-10, 10):
        run.log(name="Sigmoid", value=1 / (1 + np.exp(-value)))
    sines: dict[str, list[float]] = {"angle": [], "sine": []}
    for value in range(-10, 10):
        angle = value / 2.0 * scale
        run.log_row(name="Cosine Wave", angle=angle, cos=np.cos(angle))
        sines["angle"].append(angle)
        sines["sine"].append(np.sin(angle))
    run.log_table(name="Sine Wave", value=sines)
    angles = np.linspace(-3, 3, 50) * scale
    plt.plot(angles, np.tanh(angles), label="tanh")
    run.log_image(name="Hyperbolic Tangent", plot=plt)
    chance = random.Random(1)
    for step in range(1000):
        for metric in ("Accuracy", "Precision", "Recall"):
            row = {column: chance.randrange(0, step + 1) for column in COLUMNS}
            run.log_row(metric, "Example row for metric " + metric, **row)
    os.mkdir("logging-api")
    name = os.path.join("logging-api", "myfile.txt")
    Path(name).write_text("This is an output file that will be uploaded.\n")
    run.upload_file(name=name, path_or_stream=name)
    run.complete()

    fetched = Run(experiment, run.id)
    metrics = fetched.get_metrics()
    assert metrics["Category"] == "Red"
    assert metrics["Magic Number"] == 84
    assert metrics["Fibonacci"] == [value * scale for value in fibonacci]
    assert len(metrics["Sigmoid"]) == 20
    assert metrics["Sine Wave"] == sines
    assert metrics["Cosine Wave"]["angle"] == sines["angle"]
    assert {column: len(values) for column, values in metrics["Recall"].items()} == dict.fromkeys(COLUMNS, 1000)
    assert fetched.get_metrics(name="scale factor") == {"scale factor": 2}
    assert "logging-api/myfile.txt" in fetched.get_file_names()
    os.makedirs("files", exist_ok=True)
    for file in run.get_file_names():
        target = os.path.join("files", file.split("/")[-1])
        fetched.download_file(file, target)
        assert os.path.getsize(target)
    assert Path("files/myfile.txt").read_text() == "This is an output file that will be uploaded.\n"
    fetched.tag("My Favorite Run")
    fetched.tag("Competition Rank", 1)
    tags = fetched.get_tags()
    assert tags["Competition Rank"] == "1"
    assert "My Favorite Run" in tags
