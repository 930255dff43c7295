"""Anomaly detection: learn to forecast normal rows, and score each row by how wrong its forecasts are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib.figure import Figure

from gru_bench.data.batches.base import Batches
from gru_bench.data.batches.segments import SeriesSegments
from gru_bench.data.labelled_series.baselines import detect
from gru_bench.data.labelled_series.detection import metrics_of_all
from gru_bench.data.labelled_series.labelled_series import (
    LabelledSeries,
    Labels,
    reference_from_dict,
    scored_rows,
)
from gru_bench.data.labelled_series.own import read_labelled, read_live
from gru_bench.data.labelled_series.scores import Scorer, fit_scorer
from gru_bench.data.series.series import Rows, Series, SeriesForm
from gru_bench.errors import ConfigError, DataError, nearest
from gru_bench.models.network import Network, Signature
from gru_bench.sections import TrainingConfig
from gru_bench.tasks import anomaly_report
from gru_bench.tasks.task import Batch, Carry, Goal, Loss, Prediction, Sample, Split, Sums, Task
from gru_bench.validation import HeldOutFraction, Positive

SEGMENTS = 64  # in a batch of a forecast
LARGEST_ERROR = 10.0  # standard deviations: one series that leaves its range does not decide which weights are selected


class Decoded(NamedTuple):
    """Residuals of the scored rows of a batch, with what is needed to turn them into scores.

    Attributes:
        residuals: NaN where unknown, of shape (rows, residuals).
        anomalous: labels, of shape (rows,).
        member: the number of the series, of shape (rows,).
        scorers: of all series.
    """

    residuals: np.ndarray
    anomalous: Labels
    member: np.ndarray
    scorers: Sequence[Scorer]


class Anomaly(Task):
    """Detection of anomalies by forecasts, without labels in training.

    At each row the network forecasts the next rows, 1 to `horizon` ahead; weights are selected by the error of these
    forecasts on the validation rows. Residuals of training rows decide how those of a new row are weighed, and from
    which score on it is flagged; see `gru_bench.data.labelled_series.scores`.

    Args:
        description: the description of the series, from its `describe`.
        forecast: the output is the `value` that is forecast, or its `change` since the last row that was read.
        smoothing: rows over which a score is averaged; the mean of the last ones, so that it is causal. Where some rows
            share one label, such as those of a heart beat, it is their number, and metrics read the score of the last.
        false_alarms: the share of training rows above the threshold, and the rate at which the delay is measured.
    """

    accepts = "labelled_series"
    causal = True
    pooled = False
    metric = "mse"
    direction: Literal["min", "max"] = "min"
    item = "rows"

    def __init__(
        self,
        description: Mapping[str, Any],
        *,
        forecast: Literal["value", "change"] = "value",
        smoothing: Positive = 8,
        false_alarms: HeldOutFraction = 0.01,
    ):
        self.forecast, self.false_alarms = forecast, false_alarms
        self._span: int = description.get("span", 1)
        self.smoothing = smoothing if self._span == 1 else self._span
        self._description = description
        self._label_column: str | None = description["label_column"]
        self._references = {
            name: reference_from_dict(SeriesForm.from_dict(member["form"]), member["reference"])
            for name, member in description["members"].items()
        }
        self.form = next(iter(self._references.values())).form
        self._scorers: tuple[Network, Sequence[Scorer]] | None = None

    @property
    def signature(self) -> Signature:
        """Inputs: real values, and which of several series it is; outputs: one number per step ahead and column."""
        columns = len(self.form.targets)
        return Signature(channels=columns + self.form.features + self._indicators, outputs=self.form.horizon * columns)

    @property
    def _indicators(self) -> int:
        """Inputs that say which series it is: none where there is one."""
        return len(self._references) if len(self._references) > 1 else 0

    def describe(self) -> dict[str, Any]:
        """Return the forms of the series and the training rows by which residuals are judged."""
        members = {
            name: {**member, "form": self._references[name].form.to_dict()}
            for name, member in self._description["members"].items()
        }
        return {**self._description, "members": members}

    def train_batches(self, data: LabelledSeries, training: TrainingConfig, seed: int) -> Batches:
        """Return segments of the training rows in a permuted order."""
        members = list(data.members.values())
        return SeriesSegments(members, _rows(members, "train"), training.batch_size, seed=seed)

    def eval_batches(self, data: LabelledSeries, split: Split, training: TrainingConfig) -> Batches:
        """Return segments that score each row of a split once; of train the last ones, at most as many as of test."""
        members = list(data.members.values())
        rows = _rows(members, split)
        if split == "train":
            tested = [end - start for start, end in _rows(members, "test")]
            rows = [(max(start, end - most), end) for (start, end), most in zip(rows, tested, strict=True)]
        labels = list(data.anomalous.values())
        return SeriesSegments(members, rows, training.eval_batch_size, anomalous=labels)

    def file_batches(self, path: Path, training: TrainingConfig) -> Batches:
        """Return segments of the rows of another file in this format, with the labels that it has.

        Raises:
            ConfigError: the run has several series.
            DataError: the file is missing, unreadable, too short or in another format.
        """
        if len(self._references) > 1:
            raise ConfigError("path", path, "nothing: this run has several series. Use predict with series=NAME")
        name = next(iter(self._references))
        series, anomalous = read_labelled(path, self._references[name].form, self._label_column)
        return SeriesSegments([series], [scored_rows(series, "file")], training.eval_batch_size, anomalous=[anomalous])

    def loss(self, network: Network, batch: Batch, carry: Carry, key: Array | None) -> Loss:
        """Return the summed squared error of all forecasts of observed values, none above `LARGEST_ERROR`."""
        total = _squared(self._errors(network, batch, key))
        count = batch["observed"].sum(dtype=jnp.float32) * self.form.horizon
        return Loss(total=total, items=count, carry=carry)

    def score(self, network: Network, batch: Batch, carry: Carry) -> tuple[Carry, Sums]:
        """Return the sum of squared errors, the number of forecasts in it, and the number of scored rows."""
        return carry, {
            "squared": _squared(self._errors(network, batch, None)),
            "count": batch["observed"].sum(dtype=jnp.int32) * self.form.horizon,
            "items": batch["mask"].sum(dtype=jnp.int32),
        }

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return the mean squared error of the forecasts, scaled and limited, and the number of scored rows."""
        if not int(sums["count"]):
            raise DataError("none of the rows to score has a known value, expected at least one.")
        return {"mse": float(sums["squared"]) / int(sums["count"]), "items": int(sums["items"])}

    def decode(self, network: Network, batch: Batch) -> Decoded:
        """Return the residuals of the rows of a batch."""
        mask = np.asarray(batch["mask"])
        return Decoded(
            residuals=_residuals(self, network, batch)[mask],
            anomalous=np.asarray(batch["anomalous"])[mask],
            member=np.broadcast_to(np.asarray(batch["member"])[:, None], mask.shape)[mask],
            scorers=self.scorers(network),
        )

    def decoded_metrics(self, decoded: Sequence[Decoded]) -> dict[str, float]:
        """Return the metrics of detection, mean over the series; see `metrics_of_all`."""
        residuals, anomalous, member = (np.concatenate(parts) for parts in list(zip(*decoded, strict=True))[:3])
        chosen = [member == number for number in np.unique(member)]
        scorers = [decoded[0].scorers[number] for number in np.unique(member)]
        last = slice(self._span - 1, None, self._span)
        return metrics_of_all(
            [anomalous[rows][last] for rows in chosen],
            [scorer(residuals[rows])[last] for scorer, rows in zip(scorers, chosen, strict=True)],
            scorers,
            self.false_alarms,
            nab_score=self._description.get("nab_score", False),
        )

    @property
    def goal(self) -> Goal:
        """How well anomalies are found; the errors of forecasts, which select without labels, do not say it."""
        return Goal("average_precision", "max", 1.0)

    def baselines(self, data: LabelledSeries) -> dict[str, dict[str, float]]:
        """Return the metrics on the test rows of detectors that need no network."""
        return detect(data, self.smoothing, self.false_alarms)

    def scorers(self, network: Network) -> Sequence[Scorer]:
        """Return how residuals of each series are turned into scores, as the training rows decide."""
        if self._scorers is None or self._scorers[0] is not network:
            self._scorers = network, [self._fitted(network, name) for name in self._references]
        return self._scorers[1]

    def _fitted(self, network: Network, name: str) -> Scorer:
        series = self._references[name]
        residuals = self.residuals(network, series, scored_rows(series, "train"), name)
        return fit_scorer(residuals, self.smoothing, self.false_alarms, self._span)

    def residuals(self, network: Network, series: Series, rows: Rows, name: str) -> np.ndarray:
        """Return the errors of all forecasts of some rows, NaN where a value is missing, of shape (rows, residuals).

        Args:
            network: the trained network.
            series: all rows.
            rows: the first row to score and the row after the last one.
            name: the series of the run that it is.
        """
        batches = SeriesSegments([series], [rows], SEGMENTS, numbers=[list(self._references).index(name)])
        return np.concatenate([_residuals(self, network, batch)[batch["mask"]] for batch in batches])

    def samples(self, network: Network, data: LabelledSeries, seed: int) -> Sequence[Sample]:
        """Return the windows that were flagged in the test rows of the first series, beside the true ones."""
        name, series = next(iter(data.members.items()))
        return [anomaly_report.sample(self._detection(network, data, name, series))]

    def figures(
        self, network: Network, data: LabelledSeries, sums: Mapping[str, Any]
    ) -> Mapping[str, Callable[[], Figure]]:
        """Return the test rows of some series with their scores, and true and found windows."""
        return anomaly_report.figures(
            data.members, lambda name: self._detection(network, data, name, data.members[name])
        )

    def _detection(self, network: Network, data: LabelledSeries, name: str, series: Series) -> anomaly_report.Detection:
        rows = scored_rows(series, "test")
        return self.detect(network, series, rows, name, data.anomalous[name][slice(*rows)])

    def detect(
        self, network: Network, series: Series, rows: Rows, name: str, anomalous: Labels | None = None
    ) -> anomaly_report.Detection:
        """Return the scores of some rows of a series.

        Args:
            network: the trained network.
            series: all rows.
            rows: the first row to score and the row after the last one.
            name: the series of the run whose training rows judge the residuals.
            anomalous: the labels of the scored rows, if there are any.
        """
        scorer = self.scorers(network)[list(self._references).index(name)]
        scores = scorer(self.residuals(network, series, rows, name))
        return anomaly_report.Detection(series, rows, scores, scorer.threshold, anomalous)

    def predict(self, network: Network, *, file: Path, series: str | None = None) -> Prediction:
        """Score the rows of a CSV and flag the unusual ones.

        Args:
            network: the trained network
            file: a CSV with the columns of the training data and more rows than the model reads before the first
                forecast; - reads standard input
            series: the series of the training data that the file continues, if there are several

        Raises:
            ConfigError: there is no such series.
            DataError: the file is missing, unreadable, too short or in another format.
        """
        name = self._member(series, "series")
        live = read_live(file, self._references[name].form)
        return anomaly_report.prediction(self.detect(network, live, scored_rows(live, "file"), name))

    def _member(self, series: str | None, key: str) -> str:
        names = list(self._references)
        chosen = names[0] if series is None and len(names) == 1 else series
        if chosen is None or chosen not in names:
            allowed = f"one of the {len(names)} series of the run: {', '.join(names)}"
            raise ConfigError(key, series, allowed, nearest(str(series), names))
        return chosen

    def _errors(
        self, network: Network, batch: Batch, key: Array | None
    ) -> Float[Array, "segments length horizon columns"]:
        """Return the errors of the forecasts of each scored row, 0 where its value is unknown."""
        inputs, targets = batch["inputs"], batch["targets"]
        (segments, length, columns), horizon = targets.shape, self.form.horizon
        issued = length + horizon - 1
        which = jax.nn.one_hot(batch["member"], self._indicators)[:, None]
        read = jnp.concatenate([inputs, jnp.broadcast_to(which, (*inputs.shape[:2], self._indicators))], axis=2)
        outputs, _ = network(read, network.zero_carry(segments), last=issued, key=key)
        outputs = outputs.reshape(segments, issued, horizon, columns)
        if self.forecast == "change":
            outputs += inputs[:, -issued:, None, :columns]
        ahead = [outputs[:, horizon - 1 - step :][:, :length, step] for step in range(horizon)]
        errors = jnp.stack(ahead, axis=2) - targets[:, :, None]
        return jnp.where(batch["observed"][:, :, None], errors, 0.0)


def _squared(errors: Float[Array, "segments length horizon columns"]) -> Float[Array, ""]:
    return (jnp.clip(errors, -LARGEST_ERROR, LARGEST_ERROR) ** 2).sum()


def _rows(members: Sequence[Series], split: str) -> list[Rows]:
    return [scored_rows(series, split) for series in members]


def _residuals(task: Anomaly, network: Network, batch: Batch) -> np.ndarray:
    """Return the residuals of the rows of each segment, NaN where unknown, of shape (segments, length, residuals)."""
    observed = np.asarray(batch["observed"])[:, :, None]
    errors = np.asarray(_forecast_errors(task, network, batch), np.float64)
    return np.where(observed, errors, np.nan).reshape(*errors.shape[:2], -1)


@jax.jit(static_argnums=0)
def _forecast_errors(task: Anomaly, network: Network, batch: Batch) -> Float[Array, "segments length horizon columns"]:
    return task._errors(network, batch, None)
