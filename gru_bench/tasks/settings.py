"""The settings of every task and what it asks of data and network: all that is checked before JAX is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from gru_bench.config import TaskConfig
from gru_bench.data.forecast_windows import Channels, Normalise
from gru_bench.errors import ConfigError, nearest
from gru_bench.validation import Natural, NonNegativeFloat, Positive, Range, bind

SampleLength = Annotated[int, Range(low=0, high=100_000)]
"""Symbols or time steps that a network writes when its run ends; as many keys are drawn at once."""


@dataclass(frozen=True, kw_only=True)
class TaskSettings:
    """What all tasks declare.

    Attributes:
        accepts: the kind of data that the task reads.
        causal: whether outputs must not depend on later inputs, which rules out bidirectional networks.
        pooled: whether there is one output per sequence instead of one per time step.
    """

    accepts: ClassVar[str]
    causal: ClassVar[bool]
    pooled: ClassVar[bool]


@dataclass(frozen=True, kw_only=True)
class LanguageModelingSettings(TaskSettings):
    """Settings of language modelling.

    Attributes:
        state: `carry` hands the carry from window to window, in training and in evaluation; `reset` starts each
            window from zeros.
        shift_epochs: begin each epoch at another place of the stream, a pure function of (seed, epoch).
        sample_length: symbols in the sample text of the log.
        sample_temperature: its temperature; 0 takes the most probable symbol.
    """

    accepts: ClassVar[str] = "tokens"
    causal: ClassVar[bool] = True
    pooled: ClassVar[bool] = False

    state: Literal["carry", "reset"] = "carry"
    shift_epochs: bool = False
    sample_length: SampleLength = 200
    sample_temperature: NonNegativeFloat = 0.8


@dataclass(frozen=True, kw_only=True)
class SentimentSettings(TaskSettings):
    """Settings of text classification.

    Attributes:
        buckets: the most shapes of a batch; texts are sorted into so many buckets by their length.
        samples: texts of the test split that are shown at the end of a run, each with what its words count.
    """

    accepts: ClassVar[str] = "texts"
    causal: ClassVar[bool] = False
    pooled: ClassVar[bool] = True

    buckets: Positive = 4
    samples: Natural = 4


@dataclass(frozen=True, kw_only=True)
class TimeSeriesSettings(TaskSettings):
    """Settings of forecasting.

    Attributes:
        channels: `joint`: all targets in and out at once; `shared`: one network for every target, which reads that
            target alone; a batch then counts targets of windows.
        normalise: what is taken out of a context and put back into its forecast: `none`, the `last` value, or mean and
            deviation of the context (`instance`).
        loss: mean squared or mean absolute error of scaled values.
        train_stride: rows from one training window to the next; 1 takes every window in every epoch.
    """

    accepts: ClassVar[str] = "series"
    causal: ClassVar[bool] = False
    pooled: ClassVar[bool] = True

    channels: Channels = "shared"
    normalise: Normalise = "last"
    loss: Literal["mse", "mae"] = "mse"
    train_stride: Positive = 1


@dataclass(frozen=True, kw_only=True)
class MemorySettings(TaskSettings):
    """Settings of the tests of memory.

    Attributes:
        samples: test sequences that are shown at the end of a run.
    """

    accepts: ClassVar[str] = "sequences"
    causal: ClassVar[bool] = True
    pooled: ClassVar[bool] = False

    samples: Natural = 4


@dataclass(frozen=True, kw_only=True)
class MusicSettings(TaskSettings):
    """Settings of polyphonic music.

    Attributes:
        sample_length: time steps that the network writes after the beginning of a test piece.
    """

    accepts: ClassVar[str] = "pieces"
    causal: ClassVar[bool] = True
    pooled: ClassVar[bool] = False

    sample_length: SampleLength = 32


TASK_SETTINGS: Mapping[str, type[TaskSettings]] = {
    "language_modeling": LanguageModelingSettings,
    "sentiment": SentimentSettings,
    "time_series": TimeSeriesSettings,
    "memory": MemorySettings,
    "music": MusicSettings,
}

ACCEPTS: dict[str, str] = {name: settings.accepts for name, settings in TASK_SETTINGS.items()}
"""The kind of data that each task needs."""


def check_task(config: TaskConfig) -> TaskSettings:
    """Check a task's settings without its data; return them.

    Raises:
        ConfigError: an unknown task or a wrong option.
    """
    if config.name not in TASK_SETTINGS:
        raise ConfigError("task", config.name, " or ".join(TASK_SETTINGS), nearest(config.name, TASK_SETTINGS))
    known = TASK_SETTINGS[config.name]
    return known(**bind(known, config.options, "task"))
