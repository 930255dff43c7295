"""Whether the user's data files are still those that a finished run was trained on."""

from __future__ import annotations

import logging
from pathlib import Path

from gru_bench.config import Config
from gru_bench.data.factory import file_digests, make_data
from gru_bench.declarations import declared
from gru_bench.errors import DataError, UserError
from gru_bench.record import RunRecord

logger = logging.getLogger("gru_bench")


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
            "or in how it is read. fresh=true trains anew on it, run_dir=... beside the old run; the report command "
            "still shows the old run, and so does this one with the old file."
        )
