"""Fit ridge regression to scikit-learn's diabetes data by gradient descent, once per alpha, each in a child run."""

import argparse
import os

import joblib
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import SGDRegressor
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--alphas", type=float, nargs="+", default=[0.001, 0.01, 0.1, 1.0])
parser.add_argument("--epochs", type=int, default=40)
arguments = parser.parse_args()

run = Run.get_context()
features, target = load_diabetes(return_X_y=True)
parts = train_test_split(features, target, test_size=0.25, random_state=0)
train_features, test_features, train_target, test_target = parts
run.log("training_rows", len(train_target))
run.log("test_rows", len(test_target))


def fit(alpha, child):
    """Train one model; the error on the test rows is logged after every epoch."""
    scaler = StandardScaler().fit(train_features)
    regressor = SGDRegressor(alpha=alpha, random_state=0, learning_rate="constant", eta0=0.002)
    for epoch in range(arguments.epochs):
        regressor.partial_fit(scaler.transform(train_features), train_target)
        guess = regressor.predict(scaler.transform(test_features))
        child.log("mse", mean_squared_error(test_target, guess), step=epoch)
    child.log("alpha", alpha)
    child.log("r2", r2_score(test_target, guess))
    return make_pipeline(scaler, regressor), guess


def draw(guess, alpha):
    """Predicted against true progression of the disease."""
    figure, axes = plt.subplots(figsize=(5, 5))
    axes.scatter(test_target, guess, alpha=0.7)
    limits = [min(test_target), max(test_target)]
    axes.plot(limits, limits, color="grey", linewidth=1)
    axes.set(xlabel="true progression", ylabel="predicted progression", title=f"alpha = {alpha}")
    return figure


os.makedirs("outputs", exist_ok=True)
results = {}
for alpha in arguments.alphas:
    with run.child_run(name=f"alpha {alpha}") as child:
        model, guess = fit(alpha, child)
        figure = draw(guess, alpha)
        child.log_image("predictions", plot=plt)
        plt.close(figure)
        results[alpha] = r2_score(test_target, guess)
        joblib.dump(model, f"outputs/model_{alpha}.pkl")
        print(f"alpha {alpha:<7} r2 {results[alpha]:.4f}", flush=True)

best = max(results, key=results.get)
run.log_table("r2 by alpha", {"alpha": list(results), "r2": list(results.values())})
run.log("best_alpha", best)
run.log("best_r2", results[best])
os.replace(f"outputs/model_{best}.pkl", "outputs/model.pkl")
run.tag("best_alpha", str(best))
print(f"Best: alpha {best} with r2 {results[best]:.4f}; its model is outputs/model.pkl")
assert np.isfinite(results[best])
