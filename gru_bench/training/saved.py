"""A trained network from its run directory alone."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from flax import nnx

from gru_bench.classes import check_trusted
from gru_bench.config import Config
from gru_bench.data.batches.base import Batches
from gru_bench.data.factory import OWN_FILES, make_data
from gru_bench.errors import ConfigError, UserError, nearest
from gru_bench.files import home_expanded
from gru_bench.record import RunRecord, read_record
from gru_bench.tasks.factory import make_task
from gru_bench.tasks.task import Prediction, Task
from gru_bench.training.blueprint import Blueprint
from gru_bench.training.checkpoint import Checkpoints, DamagedCheckpoint, checkpoint_identity
from gru_bench.training.evaluate import Evaluator
from gru_bench.validation import check, settings

DATA_FILE = "data.json"
_AGAIN = "Copy the run again, or train it again with fresh=true."
_FILES = (*OWN_FILES, "data_dir")  # settings of data that name files or folders


@dataclass(frozen=True)
class SavedRun:
    """What a run directory holds: all that is needed to use the trained network, without its training data.

    Attributes:
        directory: the run directory.
        record: what is known of the run: metrics, speed, memory, versions.
        config: its settings.
        task: what surrounds the network: `task.vocabulary` of a language model, `task.form` of the others (its
            `vocabulary` and `encode` for texts, its `scaler` for series).
        network: the network with its best weights.
    """

    directory: Path
    record: RunRecord
    config: Config
    task: Task
    network: Any

    @property
    def data_files(self) -> list[Path]:
        """The user's files that the run was trained on; they need not exist any longer."""
        options = {name: self._from_folder(self.config.data.options.get(name)) for name in OWN_FILES}
        return [home_expanded(path, f"data.{name}") for name, path in options.items() if path]

    def predict(self, *plain: Any, **named: Any) -> Prediction:
        """Predict from new inputs: continue a text, classify texts, forecast a series.

        The arguments are those of `python -m gru_bench.predict`; see `predict` of the run's task.

        Raises:
            ConfigError: there is no such argument, or its value is not allowed.
        """
        known = dict(list(settings(type(self.task).predict).items())[2:])  # without self and the network
        for name, value in named.items():
            if name not in known:
                raise ConfigError(name, value, ", ".join(known), nearest(name, known))
        for each in known.values():
            if each.kind is each.VAR_POSITIONAL:
                plain = tuple(_checked(value, each.annotation, each.name) for value in plain)
        values = {name: _checked(value, known[name].annotation, name) for name, value in named.items()}
        return self.task.predict(self.network, *plain, **values)

    def score(self, batches: Batches) -> dict[str, float]:
        """Return the task's metrics over all batches; see `Task.eval_batches` and `Task.file_batches`."""
        graph, params = nnx.split(self.network)
        return Evaluator(graph, self.task)(params, batches)

    def load_data(self, mirror: str | None = None, cache: str | None = None) -> Any:
        """Return the data that the run was trained on.

        Args:
            mirror: folder of local copies of public files; by default the run's own setting.
            cache: folder of downloads and prepared data; by default the run's own setting.

        Raises:
            UserError: it cannot be read, or is not what it was.
        """
        paths, data = self.config.paths, self.config.data
        mirror, cache = mirror or self._from_folder(paths.mirror), cache or self._from_folder(paths.cache)
        files = {name: self._from_folder(data.options[name]) for name in _FILES if name in data.options}
        data = make_data(
            dataclasses.replace(data, options={**data.options, **files}),
            dataclasses.replace(paths, mirror=mirror, cache=cache),
            self.task.accepts,
        )
        digest, expected = str(data.facts["digest"]), str(self.record.data_facts.get("digest"))
        if digest != expected:
            raise UserError(
                f"the data is not what {self.directory} was trained on: found digest {digest[:16]}, expected "
                f"{expected[:16]}. The file, the interpreter whose source it is, or how it is read has changed."
            )
        return data

    def _from_folder(self, path: str | None) -> str | None:
        """Return a path as it is seen from here: relative ones start where the run was trained.

        Where neither that place nor one from here exists, the former is what a message should name.
        """
        trained_in = self.record.folder
        if not path or not trained_in or path.startswith("~"):
            return path
        there = Path(trained_in, path)
        return str(there) if there.exists() or not Path(path).exists() else path


def load_run(directory: Path | str, plugins: Sequence[str] = ()) -> SavedRun:
    """Read a run back; its training data is not needed.

    Args:
        directory: a run directory.
        plugins: modules or packages beside gru_bench from which classes that the run names may be imported: a run
            directory executes nothing by itself.

    Raises:
        UserError: there is no run, or it has no best weights yet, or they are damaged; or it names a class of a module
            that is none of `plugins`.
    """
    directory = home_expanded(str(directory), "directory")
    record = read_record(directory)
    config = Config.from_dict(record.config)
    check_trusted((config.task.place, config.data.place, config.model.place), plugins, directory)
    checkpoints = Checkpoints(directory / "checkpoints", checkpoint_identity(record))
    if not checkpoints.best_path.exists():
        if record.best_update is not None:
            raise UserError(f"{directory} lacks its weights, {checkpoints.best_path}. Copy checkpoints/ with the run.")
        raise UserError(
            f"{directory} holds no weights yet: status {record.status}, {record.updates} updates. Weights are kept "
            "from the first evaluation on."
        )
    try:
        description = json.loads((directory / DATA_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{directory / DATA_FILE} cannot be read: {error}. {_AGAIN}") from None
    try:
        task = make_task(config.task, description)
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise UserError(
            f"{directory / DATA_FILE} does not describe the data of task={record.task} ({error!r}). {_AGAIN}"
        ) from error
    blueprint = Blueprint(config, task)
    try:
        params, _ = checkpoints.load_best(blueprint.params)
    except DamagedCheckpoint as error:
        raise DamagedCheckpoint(f"{error} {_AGAIN}") from error
    return SavedRun(directory, record, config, task, nnx.merge(blueprint.graph, params))


def _checked(value: object, annotation: Any, name: str) -> Any:
    """Return a value as an annotation wants it; text is a path where only a path is."""
    if isinstance(value, str) and Path in (annotation, *get_args(annotation)):
        value = home_expanded(value, name)
    return check(value, annotation, name)
