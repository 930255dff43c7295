"""Weights & Biases as the tracker: online where there is a key and a network, offline otherwise.

W&B is a guest here. Whatever it does, the run goes on and its numbers stay the same: every call to it is guarded,
the first failure is logged once and ends the tracking, and each wait for a server is bounded. Its files lie in
`RUN_DIR/wandb`, its console capture, code upload and machine statistics are off.
"""

from __future__ import annotations

import html
import logging
import os
import secrets
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import wandb

from gru_bench.files import write_atomically
from gru_bench.tracking.tracker import NoTracker, Tracker, flatten

_MODES = ("online", "offline", "disabled", "shared", "dryrun", "run")
_TELEMETRY = "WANDB_ERROR_REPORTING"
_INIT_SECONDS = 20.0
_FINISH_SECONDS = 60.0

logger = logging.getLogger("gru_bench")


def start(
    *,
    project: str,
    entity: str | None,
    mode: Literal["auto", "online", "offline"],
    run_config: Mapping[str, Any],
    run_dir: Path,
    group: str,
    tags: Sequence[str],
    name: str,
    run_id: str | None = None,
    init_seconds: float = _INIT_SECONDS,
    finish_seconds: float = _FINISH_SECONDS,
) -> Tracker:
    """Begin or continue a W&B run; it never raises and waits for the server at most `init_seconds`.

    Args:
        project: the W&B project.
        entity: the W&B user or team; None is the default of the account.
        mode: `auto` follows `WANDB_MODE` or `wandb offline`, then goes online where a key exists.
        run_config: all settings of the run, nested.
        run_dir: the run directory; the files of W&B go to `run_dir/wandb`.
        group: runs to compare with each other.
        tags: labels to filter by.
        name: how the run is called in lists.
        run_id: identity at W&B; None continues the one stored in `run_dir/wandb`, or begins a new one.
        init_seconds: how long to wait for the server here, in seconds; then the run is kept offline.
        finish_seconds: how long to wait for uploads when the run ends, in seconds.

    Returns:
        The tracker, or one that records nothing where W&B is disabled or cannot run at all.
    """
    folder = run_dir / "wandb"
    wanted = os.environ.get("WANDB_MODE", "")
    if wanted.strip() and wanted not in _MODES:
        logger.warning("WANDB_MODE: found %r, allowed: %s; taken as unset.", wanted, ", ".join(_MODES))
    try:
        with _environment():
            chosen, reason = _choose(mode)
            if chosen == "disabled":
                logger.info("W&B: disabled by WANDB_MODE or `wandb disabled`; nothing is sent or kept.")
                return NoTracker()
            arguments: dict[str, Any] = {
                "project": project,
                "entity": entity,
                "group": group,
                "tags": list(tags),
                "name": name,
                "config": dict(run_config),
                "dir": str(run_dir),
                "id": _identity(folder, run_id),
                "resume": "allow",
                "settings": _settings(init_seconds, finish_seconds),
            }
            if chosen == "online":
                run, reason = _try_online(arguments, folder)
                if run is not None:
                    logger.info("W&B: %s", run.url)
                    return WeightsAndBiases(run, folder)
            run = _start(arguments, "offline")
        logger.info("W&B: offline, %s; to upload: %s", reason, _upload_later(folder, run.id))
        return WeightsAndBiases(run, folder)
    except Exception as error:
        logger.warning("W&B: off, the run goes on without it: %s", _one_line(error))
        return NoTracker()


class WeightsAndBiases:
    """Reports a run to W&B; the first failure is logged and turns all later calls into nothing."""

    def __init__(self, run: Any, folder: Path):
        """Take over a run of the `wandb` library.

        Args:
            run: what `wandb.init` returned.
            folder: `RUN_DIR/wandb`.
        """
        self._run: Any = run
        self._folder = folder
        self._row_open = False

    def log(self, metrics: Mapping[str, float | int], update: int) -> None:
        """Record metrics after an optimiser update.

        Updates rise from call to call, and metrics of the same update share a row. A continued online run leaves
        out the updates that W&B already has.
        """
        with self._guarded("log"):
            if self._run is not None and update >= self._run.step:
                self._add({name: float(value) for name, value in metrics.items()}, update)

    def image(self, name: str, path: Path, update: int) -> None:
        """Record a picture in a PNG file, at the latest row if `update` lies before it."""
        with self._guarded("image"):
            self._media(name, lambda: wandb.Image(str(path)), update)

    def text(self, name: str, rows: Sequence[Sequence[str]], columns: Sequence[str], update: int) -> None:
        """Record a table of texts, at the latest row if `update` lies before it.

        It is sent as HTML: a `wandb.Table` would ask the server a question at each call and wait for the answer.
        """
        with self._guarded("text"):
            self._media(name, lambda: wandb.Html(_table(rows, columns), inject=False), update)

    def finish(self, summary: Mapping[str, Any], failed: bool) -> None:
        """End the run: store the summary, mark it finished or failed, and wait a bounded time for the upload."""
        with self._guarded("finish"):
            if self._run is not None:
                run, self._run = self._run, None
                if self._row_open:  # the row of the last update; closed later, it would overwrite the summary
                    run.log({}, commit=True)
                run.summary.update(flatten(summary))
                try:
                    run.finish(exit_code=int(failed))
                except TimeoutError:
                    logger.warning(
                        "W&B: the server did not take all data in time; to upload the rest: %s",
                        shlex.join(
                            ["wandb", "sync", "--include-online", str(self._folder / Path(run.dir).parent.name)]
                        ),
                    )

    def _media(self, name: str, make: Callable[[], Any], update: int) -> None:
        if self._run is not None:
            self._add({name: make()}, max(update, self._run.step))

    def _add(self, values: Mapping[str, Any], update: int) -> None:
        self._run.log({**values, "update": update}, step=update)
        self._row_open = True

    @contextmanager
    def _guarded(self, call: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._run = None
            logger.warning("W&B: off from here on, the run goes on without it: %s failed: %s", call, _one_line(error))


def _choose(mode: str) -> tuple[str, str]:
    """Return `online`, `offline` or `disabled`, and why it is offline."""
    configured = _set_up().settings.mode
    if mode == "offline":
        return "offline", "as tracker.mode says"
    if mode == "auto" and configured in ("offline", "dryrun"):
        return "offline", "as WANDB_MODE or `wandb offline` says"
    if mode == "auto" and configured == "disabled":
        return "disabled", ""
    try:
        if wandb.login(prompt=False, verify=False):
            return "online", ""
    except wandb.Error as error:
        return "offline", f"the API key does not work ({_one_line(error)})"
    return "offline", "no API key (`wandb login` stores one)"


def _try_online(arguments: Mapping[str, Any], folder: Path) -> tuple[Any, str]:
    """Return the online run, or None and the reason; a failed attempt leaves no files."""
    own = f"run-*-{arguments['id']}"
    before = set(folder.glob(own))
    try:
        return _start(arguments, "online"), ""
    except Exception as error:
        wandb.teardown()  # the service would go on trying, and keep the run's identity in use
        _set_up()
        for leftover in set(folder.glob(own)) - before:
            shutil.rmtree(leftover, ignore_errors=True)
        return None, f"online failed ({_one_line(error)})"


def _set_up() -> Any:
    return wandb.setup(settings=wandb.Settings(silent=True))


def _start(arguments: Mapping[str, Any], mode: Literal["online", "offline"]) -> Any:
    run = wandb.init(**arguments, mode=mode)
    run.define_metric("update")
    run.define_metric("*", step_metric="update")
    return run


def _settings(init_seconds: float, finish_seconds: float) -> wandb.Settings:
    return wandb.Settings(
        init_timeout=init_seconds,
        finish_timeout=finish_seconds,
        finish_timeout_raises=True,
        reinit="create_new",  # a sweep holds several runs in one process, one after the other
        use_dot_wandb=False,
        symlink=False,  # a link called latest-run or debug.log of somebody else would be replaced
        silent=True,
        console="off",
        disable_git=True,
        disable_code=True,
        disable_job_creation=True,
        save_code=False,
        x_disable_stats=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
    )


def _identity(folder: Path, run_id: str | None) -> str:
    """Return the run's identity at W&B and store it beside its files, so that a continued run keeps it."""
    folder.mkdir(parents=True, exist_ok=True)
    stored = folder / "run_id"
    if run_id is None and stored.exists():
        run_id = stored.read_text().strip()
    run_id = run_id or secrets.token_hex(4)
    write_atomically(stored, f"{run_id}\n".encode())
    return run_id


@contextmanager
def _environment() -> Iterator[None]:
    """Hide variables that crash W&B, empty ones and an unknown mode, and have it report nothing about itself."""
    hidden = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("WANDB_") and (not value.strip() or (name == "WANDB_MODE" and value not in _MODES))
    }
    for name in hidden:
        del os.environ[name]
    quiet = _TELEMETRY not in os.environ
    if quiet:  # it would go to the server beside the run, and complain on the terminal without a network
        os.environ[_TELEMETRY] = "false"
    try:
        yield
    finally:
        if quiet:
            del os.environ[_TELEMETRY]
        os.environ.update(hidden)


def _table(rows: Sequence[Sequence[str]], columns: Sequence[str]) -> str:
    style = "td, th { text-align: left; vertical-align: top; padding: 4px 12px; white-space: pre-wrap; }"
    lines = [("th", columns), *(("td", row) for row in rows)]
    body = "\n".join(
        "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>" for tag, cells in lines
    )
    return f'<!doctype html><meta charset="utf-8"><style>{style}</style>\n<table>\n{body}\n</table>\n'


def _upload_later(folder: Path, run_id: str) -> str:
    """Return the command that uploads the offline parts of a run; a continued run has several."""
    parts = sorted(folder.glob(f"offline-run-*-{run_id}"))
    waiting = [str(part) for part in parts if not list(part.glob("*.synced"))]
    return shlex.join(["wandb", "sync", *waiting])


def _one_line(error: Exception) -> str:
    """Return an error as one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
