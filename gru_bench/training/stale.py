"""Whether the user's files are still those that a run was trained on."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from gru_bench.config import Config
from gru_bench.data.factory import file_digests, make_data
from gru_bench.data.files.text import read_file
from gru_bench.declarations import declared
from gru_bench.errors import DataError, UserError
from gru_bench.files import home_expanded
from gru_bench.record import RunRecord

logger = logging.getLogger("gru_bench")


def check_weights_unchanged(directory: Path, record: RunRecord, config: Config) -> None:
    """Check that `model.initial_weights` is still the file that a run started from, where it still exists.

    Args:
        directory: the run directory.
        record: its record.
        config: the same settings, as they are now.

    Raises:
        DataError: the file has changed.
    """
    known, path = record.initial_weights.get("sha256"), config.model.initial_weights
    if known is None or path is None or not home_expanded(path, "model.initial_weights").is_file():
        return
    if hashlib.sha256(read_file(path, "model.initial_weights")).hexdigest() != known:
        raise DataError(
            f"{directory} holds a run that started from other weights: model.initial_weights={path} has changed since. "
            "fresh=true trains anew from it, run_dir=... beside the old run."
        )


def check_unchanged(directory: Path, record: RunRecord, config: Config) -> None:
    """Check that a finished run is one of the data files as they are now.

    Equal digests of the files are enough. Otherwise the data is loaded and compared, since a file may change in what
    is not read of it, and older records hold no digests.

    Args:
        directory: the run directory.
        record: its record.
        config: the same settings, as they are now.

    Raises:
        DataError: a file has changed.
    """
    try:
        now = file_digests(config.data)
    except UserError as error:
        logger.warning("Whether the data is still that of this run cannot be checked. %s", error)
        return
    facts = record.data_facts
    known = facts.get("files") or {"data.path": facts.get("file_sha256")}
    if all(known.get(name) == digest for name, digest in now.items()):
        return
    try:
        accepts = declared(config.task.place).constants["accepts"]
        unchanged = make_data(config.data, config.paths, accepts).facts["digest"] == facts["digest"]
    except UserError:  # it has changed into something that cannot be read
        unchanged = False
    if not unchanged:
        changed = [name for name, digest in now.items() if known.get(name) != digest]
        files = ", ".join(f"{name}={config.data.options[name.removeprefix('data.')]}" for name in changed)
        raise DataError(
            f"{directory} holds a finished run that was trained on other data: {files} has changed since, in content "
            "or in how it is read. fresh=true trains on it again, run_dir=... beside the old run; the report command "
            "still shows the old run, and so does this one with the old file."
        )
