"""From the command line and YAML to a `Config`; the only importer of Hydra and OmegaConf."""

from __future__ import annotations

import copy
import functools
import json
import os
import platform
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import hydra
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override, OverrideType
from hydra.core.plugins import Plugins
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from hydra.experimental.callback import Callback
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gru_bench.config import ALTERNATIVES, Config, configs_folder
from gru_bench.errors import ConfigError, UserError, nearest, shown
from gru_bench.files import write_atomically
from gru_bench.launchers import flatten, with_preset
from gru_bench.overrides import Unreadable, as_argument, parsed, readable
from gru_bench.redaction import redacted
from gru_bench.terminal import BROKEN_PIPE, drop_output, open_streams, say_lost
from gru_bench.training.signals import Interrupted, pass_on, terminated

_OUTCOME = "outcome.json"
_NOW = "${now:%Y-%m-%d_%H-%M-%S.%f}"
_MULTIRUN_FLAGS = {"-m", "--multirun"}
_NO_GROUPS = {"hydra", "launchers", "sweeps"}  # folders of configs that hold no choices for the command line


def hydra_entry(job: Callable[[Config], int]) -> Callable[[], None]:
    """Return a program that composes the settings from the command line and runs `job` with them.

    The program exits with what `job` returns, with the `exit_code` of a `UserError` or of a stop by a signal, with 1
    when a job of a sweep did not finish, and with 141 when the reader of its output went away. Errors of people are
    one message; `debug=true` adds the traceback.
    """

    def status() -> int:
        arguments = sorted(sys.argv[1:], key=lambda text: text not in _MULTIRUN_FLAGS)  # -m anywhere
        multirun = bool(_MULTIRUN_FLAGS & set(arguments))
        statuses: list[int] = []

        def task(values: DictConfig) -> None:
            outcome = _run(job, values)
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                folder = Path(HydraConfig.get().runtime.output_dir)
                write_atomically(folder / _OUTCOME, json.dumps(outcome).encode())  # all processes of a run do so
            statuses.append(outcome["status"])

        decorate = hydra.main(version_base="1.3", config_path=str(configs_folder()), config_name="train")
        try:
            arguments = readable(arguments, multirun=multirun)
            _refuse_fixed_directory(arguments)
            _refuse_odd_choices(arguments)
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
            return _report(_for_people(error, arguments), debug=debug)
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
    """Give Hydra a command line, and take back what it changes of this process, which may be a notebook."""
    command_line, variables = list(sys.argv), dict(os.environ)
    sys.argv[1:] = arguments
    os.environ["HYDRA_FULL_ERROR"] = "1"
    SweepSummary.exit_code = None
    try:
        with _uninitialised():
            yield
    finally:
        sys.argv[:] = command_line
        os.environ.pop("HYDRA_FULL_ERROR")
        os.environ |= {name: value for name, value in variables.items() if name == "HYDRA_FULL_ERROR"}


@contextmanager
def _composing() -> Iterator[None]:
    """Let Hydra read our presets."""
    with _uninitialised(), initialize_config_dir(str(configs_folder()), version_base="1.3"):
        yield


@contextmanager
def _uninitialised() -> Iterator[None]:
    """Let Hydra begin anew; what the process itself uses Hydra for comes back."""
    instance = GlobalHydra.instance()
    before = instance.hydra
    instance.clear()
    try:
        yield
    finally:
        instance.hydra = before


def composed(*arguments: str) -> Config:
    """Return the settings of a `train` command without running it.

    Raises:
        UserError: a wrong setting, in the words of the command.
    """
    try:
        overrides = readable(arguments)
        _refuse_odd_choices(overrides)
        return Config.from_dict(_settle(_values(overrides), overrides))
    except Exception as error:
        raise _for_people(error, arguments) from None


def _values(arguments: Sequence[str]) -> DictConfig:
    """Compose the settings of a command line; of commands with the same presets Hydra composes these once."""
    overrides = [parsed(text) for text in arguments]
    groups = _groups()
    choices = sorted(str(override.input_line) for override in overrides if override.key_or_group in groups)
    plain = [override for override in overrides if override.key_or_group not in groups]
    if all(_is_plain(override) for override in plain):
        values = copy.deepcopy(_presets(configs_folder(), tuple(choices)))
        with suppress(OmegaConfBaseException):  # Hydra says below what is wrong
            for override in plain:
                OmegaConf.update(values, override.key_or_group, override.value(), merge=True)
            return values
    with _composing():
        return hydra_compose("train", overrides=list(arguments))


def _is_plain(override: Override) -> bool:
    """Return whether an override sets one value, as `key=value` does."""
    changes = override.type is OverrideType.CHANGE and not override.is_sweep_override()
    return changes and override.package is None and not override.key_or_group.startswith(("hydra.", "hydra/"))


@functools.cache
def _presets(folder: Path, choices: tuple[str, ...]) -> DictConfig:
    with _composing():
        return hydra_compose("train", overrides=list(choices))


def launch(job: Callable[[Config], int], jobs: Sequence[Sequence[str]], launcher: str, folder: Path) -> None:
    """Hand a list of `train` commands to a launcher of Hydra, and return when all have ended.

    Args:
        job: what is done with the settings of each, as in `hydra_entry`.
        jobs: the arguments of each.
        launcher: a preset of hydra/launcher.
        folder: where what the launcher itself writes goes.

    Raises:
        UserError: there is no such preset, its package is missing, or the launcher failed.
    """
    arguments = [f"hydra/launcher={launcher}", as_argument("hydra.sweep.dir", f"{folder.absolute()}/{_NOW}")]
    arguments += ["hydra.job.name=train"]
    try:
        arguments = with_preset(arguments)
        with _composing():
            config = hydra_compose("train", overrides=arguments, return_hydra_config=True)
            context = HydraContext(GlobalHydra.instance().config_loader(), Callbacks())
            made = Plugins.instance().instantiate_launcher(context, functools.partial(_run, job), config)
            at_once = config.hydra.sweeper.max_batch_size or len(jobs)
            for first in range(0, len(jobs), at_once):
                batch = [readable(job) for job in jobs[first : first + at_once]]
                made.launch(batch, initial_job_idx=first)
    except Exception as error:
        raise _for_people(error, arguments) from None


def _run(job: Callable[[Config], int], values: DictConfig) -> dict[str, Any]:
    """Run one job and return what became of it; an error ends this job and no other."""
    outcome = {"job": "", "run": "", "status": 1, "reason": ""}
    try:
        _enter(Path(HydraConfig.get().runtime.cwd))
        outcome["job"] = HydraConfig.get().job.override_dirname
        config = Config.from_dict(_settle(values, HydraConfig.get().overrides.task))
        outcome["run"] = str(config.directory)
        outcome["status"] = job(config)
        outcome["reason"] = "" if outcome["status"] == 0 else "see its record.json"
    except Exception as error:
        error = _for_people(error, ())
        debug = OmegaConf.select(values, "debug", default=False) is True
        reason, *_ = str(error).splitlines() or [type(error).__name__]
        outcome |= {"status": _report(error, debug=debug), "reason": redacted(reason)}
    except Interrupted as stop:
        pass_on(stop)
        raise
    return outcome


def _enter(folder: Path) -> None:
    """Go where the command was given: a launcher may have started this process elsewhere, and paths start there."""
    try:
        os.chdir(folder)
    except OSError as error:
        expected = f"the folder in which the command was given, on this machine ({platform.node()}) as well"
        hint = "All machines of a sweep must see it under this path."
        raise ConfigError("working directory", f"{folder} ({error.strerror})", expected, hint) from None


def _settle(values: DictConfig, overrides: Sequence[str]) -> dict[str, Any]:
    """Return plain settings, in which an alternative that the command line names rules out those of the presets."""
    plain: Any = OmegaConf.to_container(values, resolve=True)
    named = {text.partition("=")[0].lstrip("+") for text in overrides}
    for section, names in ALTERNATIVES.items():
        given = {name for name in names if f"{section}.{name}" in named}
        if any(plain[section].get(name) is not None for name in given):
            plain[section] |= {name: None for name in names if name not in given}
    return plain


def _report(error: Exception, *, debug: bool) -> int:
    """Print an error and return the exit code that belongs to it."""
    if debug:
        traceback.print_exception(error)
    if isinstance(error, UserError):
        print(redacted(f"error: {error}"), file=sys.stderr)
        return error.exit_code
    hint = "" if debug else " Run again with debug=true for the traceback."
    print(redacted(f"error: {type(error).__name__}: {error}.{hint}"), file=sys.stderr)
    return 1


# Sweeps


def _refuse_fixed_directory(arguments: list[str]) -> None:
    if not _MULTIRUN_FLAGS & set(arguments):
        return
    for argument in arguments:
        if argument.lstrip("+").startswith("run_dir=") and not argument.endswith("run_dir=null"):
            raise ConfigError(
                "run_dir",
                argument.partition("=")[2],
                "nothing with -m, because all jobs would write there",
                "Set paths.runs=... instead: each job then gets its own directory below it.",
            )


class SweepSummary(Callback):
    """Prints what became of each job when a sweep ends; `exit_code` is then 0, or 1 when one did not finish."""

    exit_code: int | None = None

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Read what the jobs wrote down, wherever they ran."""
        files = sorted(Path(config.hydra.sweep.dir).glob(f"*/{_OUTCOME}"), key=lambda path: int(path.parent.name))
        outcomes = [json.loads(path.read_text(encoding="utf-8")) for path in files]
        failed = [outcome for outcome in outcomes if outcome["status"] != 0]
        print(f"\nSweep: {len(outcomes)} jobs, {len(outcomes) - len(failed)} finished, {len(failed)} not.")
        for outcome in outcomes:
            mark = "ok    " if outcome["status"] == 0 else "FAILED"
            reason = f"  ({outcome['reason']})" if outcome["reason"] else ""
            print(f"  {mark}  {outcome['job']}  ->  {outcome['run']}{reason}")
        SweepSummary.exit_code = 1 if failed else 0


# Errors of Hydra in our words


_WRITING = (
    "Settings are written key=value; quote values that hold signs such as , ; ~ [ ] { } or quotes, as in "
    "'data.path=\"a,b.txt\"'."
)
_CHOICE = re.compile(r"[\w./-]{1,100}")


def _refuse_odd_choices(arguments: Sequence[str]) -> None:
    """Refuse what cannot be the name of a choice, since Hydra fails on numbers, lists and the like in many ways."""
    for argument in arguments:
        try:
            override = parsed(argument)
        except HydraException:
            continue  # a flag, or said in our words when Hydra comes to it
        except ValueError as error:  # thousands of digits
            raise Unreadable(f"the command line cannot be read: {shown(argument)}: {error}.") from error
        group, found = override.key_or_group, override.value()
        if not group:
            raise Unreadable(f"the command line cannot be read: {shown(argument)} has no key. {_WRITING}")
        if group in _NO_GROUPS:
            raise _unknown_key(group, arguments)
        if (group in _groups() or group.startswith("hydra/")) and not (override.is_delete() and found is None):
            names = found.list if isinstance(found, ChoiceSweep) else [] if isinstance(found, Glob) else [found]
            for name in names:
                if not isinstance(name, str) or not _CHOICE.fullmatch(name):
                    raise ConfigError(group, name, ", ".join(_choices(group)) or "the name of a preset")


def _groups() -> list[str]:
    return [path.name for path in configs_folder().iterdir() if path.is_dir() and path.name not in _NO_GROUPS]


def _choices(group: str) -> list[str]:
    return sorted(path.stem for path in (configs_folder() / group).glob("*.yaml"))


def _for_people(error: Exception, arguments: Sequence[str]) -> Exception:
    """Turn what Hydra says of wrong settings into a `UserError`; other errors pass unchanged."""
    if isinstance(error, UserError) or not isinstance(error, HydraException | OmegaConfBaseException):
        return error
    ours = _in_our_words(error, arguments)
    ours.__cause__ = error
    return ours


def _in_our_words(error: Exception, arguments: Sequence[str]) -> UserError:
    text = str(error)
    choice = re.search(r"Could not find '([^']+)'\s+Available options in '([^']+)':\n((?:\t.*\n)+)", text)
    if isinstance(error, MissingConfigException) and choice is not None:
        path, group, options = choice.groups()
        found, choices = path.removeprefix(f"{group}/"), options.split()
        return ConfigError(group, found, ", ".join(choices), nearest(found, choices))
    override = re.search(r"Could not override '([^']+)'", text)
    if isinstance(error, ConfigCompositionException) and override is not None:
        return _unknown_key(override.group(1), arguments)
    first = text.strip().splitlines()[0].removesuffix(".")
    if first.startswith("Ambiguous value"):
        return Unreadable(f"{first}: add -m for a run with each value, or quote a value that holds commas.")
    return Unreadable(f"the command line cannot be read: {first}. {_WRITING}")


def _unknown_key(key: str, arguments: Sequence[str]) -> ConfigError:
    value = next((text.partition("=")[2] for text in arguments if text.lstrip("+~").startswith(f"{key}=")), "")
    if key.startswith("hydra."):
        return ConfigError(key, value, "a setting of Hydra or of its launcher", "--cfg hydra prints them.")
    known = dict(flatten(_compose_choices(arguments)))
    groups = _groups()
    section = key.rpartition(".")[0]
    siblings = [name for name in known if name.rpartition(".")[0] == section]
    if not section or not siblings:
        siblings = [*sorted(groups), *(siblings or known)]
    if key in known:
        return ConfigError(key, value, "settings that every job of the sweep has", "One of them lacks this one.")
    close = nearest(key, siblings) or nearest(key, [*known, *groups])
    return ConfigError(key, value, ", ".join(siblings), close)


def _compose_choices(arguments: Sequence[str]) -> Mapping[str, Any]:
    """Compose with the group choices of the command line alone, so that the valid keys are known."""
    chosen = [text for text in arguments if text.partition("=")[0] in _groups() and "," not in text]
    with _composing():
        values = OmegaConf.to_container(hydra_compose("train", overrides=chosen))
    return {str(name): value for name, value in values.items()} if isinstance(values, dict) else {}
