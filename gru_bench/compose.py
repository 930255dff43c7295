"""From the command line and YAML to a `Config`, with Hydra."""

from __future__ import annotations

import functools
import json
import os
import platform
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import hydra
from hydra import compose as hydra_compose
from hydra._internal.callbacks import Callbacks  # a launcher wants them, and nothing public makes them
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.experimental.callback import Callback
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf

from gru_bench.classes import configs_folder
from gru_bench.config import Config
from gru_bench.errors import ConfigError, UserError
from gru_bench.files import write_atomically
from gru_bench.launchers import with_preset
from gru_bench.overrides import as_argument, readable
from gru_bench.presets import composed_values, composing, uninitialised
from gru_bench.redaction import redacted
from gru_bench.refusals import (
    MULTIRUN_FLAGS,
    for_people,
    refuse_fixed_directory,
    refuse_odd_choices,
    refuse_stray_words,
)
from gru_bench.sections import ALTERNATIVES
from gru_bench.terminal import BROKEN_PIPE, drop_output, open_streams, say_lost
from gru_bench.training.signals import Interrupted, pass_on, terminated

_OUTCOME = "outcome.json"
_NOW = "${now:%Y-%m-%d_%H-%M-%S.%f}"


def hydra_entry(job: Callable[[Config], int]) -> Callable[[], None]:
    """Return a program that composes the settings from the command line and runs `job` with them.

    The exit code is the result of `job`, the `exit_code` of a `UserError` or of a signal, 1 if a job of a sweep did not
    finish, and 141 if the reader of its output is gone. Errors of users are one message; `debug=true` adds the
    traceback.
    """

    def status() -> int:
        arguments = sorted(sys.argv[1:], key=lambda text: text not in MULTIRUN_FLAGS)  # -m anywhere
        multirun = bool(MULTIRUN_FLAGS & set(arguments))
        statuses: list[int] = []

        def task(values: DictConfig) -> None:
            outcome = _run(job, values)
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                folder = Path(HydraConfig.get().runtime.output_dir)
                write_atomically(folder / _OUTCOME, json.dumps(outcome).encode())  # all processes of a run do so
            statuses.append(outcome["status"])

        decorate = hydra.main(version_base="1.3", config_path=str(configs_folder()), config_name="train")
        if "--version" in arguments:
            print(f"gru_bench {version('gru_bench')}")
            return 0
        try:
            refuse_stray_words(arguments)
            arguments = readable(arguments, multirun=multirun)
            refuse_fixed_directory(arguments)
            refuse_odd_choices(arguments)
            try:
                with terminated(), _hydra(with_preset(arguments)):  # a signal also ends the processes of a launcher
                    decorate(task)()
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            drop_output()
            return BROKEN_PIPE
        except Exception as error:
            debug = any(argument.lower() == "debug=true" for argument in arguments)
            return _report(for_people(error, arguments), debug=debug)
        except KeyboardInterrupt as stop:
            return stop.exit_code if isinstance(stop, Interrupted) else 130
        return SweepSummary.exit_code if SweepSummary.exit_code is not None else max(statuses, default=0)

    def program() -> None:
        with open_streams() as output:
            code = status()
            say_lost(output)  # the work is done all the same
        sys.exit(code)

    return program


@contextmanager
def _hydra(arguments: Sequence[str]) -> Iterator[None]:
    """Give Hydra a command line, and undo its changes to this process, which may be a notebook."""
    command_line, variables = list(sys.argv), dict(os.environ)
    sys.argv[1:] = arguments
    os.environ["HYDRA_FULL_ERROR"] = "1"
    SweepSummary.exit_code = None
    try:
        with uninitialised():
            yield
    finally:
        sys.argv[:] = command_line
        os.environ.pop("HYDRA_FULL_ERROR")
        os.environ |= {name: value for name, value in variables.items() if name == "HYDRA_FULL_ERROR"}


def composed(*arguments: str) -> Config:
    """Return the settings of a `train` command without running it.

    Raises:
        UserError: a wrong setting, in the words of the command.
    """
    try:
        overrides = readable(arguments)
        refuse_odd_choices(overrides)
        return Config.from_dict(_settle(composed_values(overrides), overrides))
    except Exception as error:
        raise for_people(error, arguments, one=True) from None


def launch(job: Callable[[Config], int], jobs: Sequence[Sequence[str]], launcher: str, folder: Path) -> None:
    """Run a list of `train` commands with a launcher of Hydra, and return when all have ended.

    Args:
        job: a function of the settings of a command, as in `hydra_entry`.
        jobs: the arguments of each command.
        launcher: a preset of hydra/launcher.
        folder: for the files of the launcher.

    Raises:
        UserError: there is no such preset, its package is missing, or the launcher failed.
    """
    arguments = [f"hydra/launcher={launcher}", as_argument("hydra.sweep.dir", f"{folder.absolute()}/{_NOW}")]
    arguments += ["hydra.job.name=train"]
    try:
        arguments = with_preset(arguments)
        with composing():
            config = hydra_compose("train", overrides=arguments, return_hydra_config=True)
            context = HydraContext(GlobalHydra.instance().config_loader(), Callbacks())
            made = Plugins.instance().instantiate_launcher(context, functools.partial(_run, job), config)
            at_once = config.hydra.sweeper.max_batch_size or len(jobs)
            for first in range(0, len(jobs), at_once):
                batch = [readable(job) for job in jobs[first : first + at_once]]
                made.launch(batch, initial_job_idx=first)
    except Exception as error:
        raise for_people(error, arguments) from None


def _run(job: Callable[[Config], int], values: DictConfig) -> dict[str, Any]:
    """Run one job and return its outcome; an error does not affect other jobs."""
    outcome = {"job": "", "run": "", "status": 1, "reason": ""}
    try:
        _enter(Path(HydraConfig.get().runtime.cwd))
        outcome["job"] = HydraConfig.get().job.override_dirname
        config = Config.from_dict(_settle(values, HydraConfig.get().overrides.task))
        outcome["run"] = str(config.directory)
        outcome["status"] = job(config)
        outcome["reason"] = "" if outcome["status"] == 0 else "see its record.json"
    except Exception as error:
        error = for_people(error, ())
        debug = OmegaConf.select(values, "debug", default=False) is True
        reason, *_ = str(error).splitlines() or [type(error).__name__]
        outcome |= {"status": _report(error, debug=debug), "reason": redacted(reason)}
    except Interrupted as stop:
        pass_on(stop)
        raise
    return outcome


def _enter(folder: Path) -> None:
    """Change to the folder of the command, to which paths are relative; a launcher may start this process elsewhere."""
    try:
        os.chdir(folder)
    except OSError as error:
        expected = f"the folder in which the command was given, on this machine ({platform.node()}) as well"
        hint = "All machines of a sweep must see it under this path."
        raise ConfigError("working directory", f"{folder} ({error.strerror})", expected, hint) from None


def _settle(values: DictConfig, overrides: Sequence[str]) -> dict[str, Any]:
    """Return plain settings, in which an alternative on the command line replaces those of the presets."""
    plain: Any = OmegaConf.to_container(values, resolve=True)
    named = {text.partition("=")[0].lstrip("+") for text in overrides}
    for section, names in ALTERNATIVES.items():
        given = {name for name in names if f"{section}.{name}" in named}
        if any(plain[section].get(name) is not None for name in given):
            plain[section] |= {name: None for name in names if name not in given}
    return plain


def _report(error: Exception, *, debug: bool) -> int:
    """Print an error and return its exit code."""
    if debug:
        traceback.print_exception(error)
    if isinstance(error, UserError):
        print(redacted(f"error: {error}"), file=sys.stderr)
        return error.exit_code
    hint = "" if debug else " Run again with debug=true for the traceback."
    print(redacted(f"error: {type(error).__name__}: {error}.{hint}"), file=sys.stderr)
    return 1


# Sweeps


class SweepSummary(Callback):
    """Prints the outcome of each job at the end of a sweep; `exit_code` is then 0, or 1 if one did not finish."""

    exit_code: int | None = None

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Read the outcomes that the jobs have written."""
        files = sorted(Path(config.hydra.sweep.dir).glob(f"*/{_OUTCOME}"), key=lambda path: int(path.parent.name))
        outcomes = [json.loads(path.read_text(encoding="utf-8")) for path in files]
        failed = [outcome for outcome in outcomes if outcome["status"] != 0]
        print(f"\nSweep: {len(outcomes)} jobs, {len(outcomes) - len(failed)} finished, {len(failed)} not.")
        for outcome in outcomes:
            mark = "ok    " if outcome["status"] == 0 else "FAILED"
            reason = f"  ({outcome['reason']})" if outcome["reason"] else ""
            print(f"  {mark}  {outcome['job']}  ->  {outcome['run']}{reason}")
        SweepSummary.exit_code = 1 if failed else 0
