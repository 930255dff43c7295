"""Wrong command lines of `train` in our words: what was found, what is allowed, what may be meant."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hydra.core.override_parser.types import ChoiceSweep, Glob
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from omegaconf.errors import OmegaConfBaseException

from gru_bench.config import Config
from gru_bench.errors import ConfigError, UserError, nearest, shown
from gru_bench.overrides import Unreadable, parsed
from gru_bench.presets import NO_GROUPS, choices_of, group_names, known_settings
from gru_bench.suggestions import for_choice, for_flag, for_key
from gru_bench.validation import settings

MULTIRUN_FLAGS = {"-m", "--multirun"}
_WRITING = (
    "Settings are written key=value; quote values that hold signs such as , ; ~ [ ] { } or quotes, as in "
    "'data.path=\"a,b.txt\"'."
)
_ARGUMENTS = "settings as key=value, and the flags -m, --cfg job, --help, --version"
_FLAGS = {"-h", "--help", "--hydra-help", "--version", "--resolve", "-r", "--run", *MULTIRUN_FLAGS}
_FLAGS |= {"-sc", "--shell-completion"}
_FLAGS_WITH_VALUE = {"-c", "--cfg", "-p", "--package", "-i", "--info", "--experimental-rerun"}
_FLAGS_WITH_VALUE |= {"-cp", "--config-path", "-cn", "--config-name", "-cd", "--config-dir"}
_CHOICE = re.compile(r"[\w./-]{1,100}")


def refuse_stray_words(arguments: Sequence[str]) -> None:
    """Refuse flags and words that are neither Hydra's nor settings, which Hydra answers with its own usage."""
    flags = [argument.partition("=")[0] for argument in arguments if argument.startswith("-")]
    for argument in arguments:
        if argument.startswith("-") and argument.partition("=")[0] not in _FLAGS | _FLAGS_WITH_VALUE:
            raise ConfigError("arguments", argument, _ARGUMENTS, for_flag(argument))
        if not argument.startswith(("-", "~")) and "=" not in argument and not _FLAGS_WITH_VALUE & set(flags):
            choices = {
                choice: f"{group}={choice}" for group in ("task", "data", "model") for choice in choices_of(group)
            }
            meant = choices.get(argument.lower())
            hint = f"Did you mean '{meant}'?" if meant else for_choice("data", argument, choices, _task(arguments))
            if argument.partition(".")[0] in settings(Config):
                hint = f"Write {argument}=..."
            raise ConfigError("arguments", argument, _ARGUMENTS, hint)


def refuse_odd_choices(arguments: Sequence[str]) -> None:
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
        if group in NO_GROUPS:
            raise _unknown_key(group, arguments)
        if (group in group_names() or group.startswith("hydra/")) and not (override.is_delete() and found is None):
            names = found.list if isinstance(found, ChoiceSweep) else [] if isinstance(found, Glob) else [found]
            for name in names:
                if not isinstance(name, str) or not _CHOICE.fullmatch(name):
                    hint = for_choice(group, str(name), (), _task(arguments))
                    raise ConfigError(group, name, ", ".join(choices_of(group)) or "the name of a preset", hint)


def for_people(error: Exception, arguments: Sequence[str], *, one: bool = False) -> Exception:
    """Turn what Hydra says of wrong settings into a `UserError`; other errors pass unchanged.

    Args:
        error: what was raised.
        arguments: the command line.
        one: whether the settings are those of one run, for which -m is no way out.
    """
    if isinstance(error, ValueError) and str(error).startswith("Only one of --run"):
        return Unreadable(
            "the command line cannot be read: -m, --cfg, --info and --shell-completion exclude each other."
        )
    if isinstance(error, UserError) or not isinstance(error, HydraException | OmegaConfBaseException):
        return error
    ours = _in_our_words(error, arguments, one)
    ours.__cause__ = error
    return ours


def _in_our_words(error: Exception, arguments: Sequence[str], one: bool) -> UserError:
    text = str(error)
    choice = re.search(r"Could not find '([^']+)'\s+Available options in '([^']+)':\n((?:\t.*\n)+)", text)
    if isinstance(error, MissingConfigException) and choice is not None:
        path, group, options = choice.groups()
        found, choices = path.removeprefix(f"{group}/"), options.split()
        return ConfigError(group, found, ", ".join(choices), for_choice(group, found, choices, _task(arguments)))
    override = re.search(r"Could not override '([^']+)'", text)
    if isinstance(error, ConfigCompositionException) and override is not None:
        return _unknown_key(override.group(1), arguments)
    first = text.strip().splitlines()[0].removesuffix(".")
    if first.startswith("Ambiguous value"):
        way_out = "give one value" if one else "add -m for a run with each value"
        return Unreadable(f"{first}: {way_out}, or quote a value that holds commas.")
    return Unreadable(f"the command line cannot be read: {first}. {_WRITING}")


def _unknown_key(key: str, arguments: Sequence[str]) -> ConfigError:
    value = next((text.partition("=")[2] for text in arguments if text.lstrip("+~").startswith(f"{key}=")), "")
    if key.startswith("hydra."):
        return ConfigError(key, value, "a setting of Hydra or of its launcher", "--cfg hydra prints them.")
    known = known_settings(arguments)
    groups = group_names()
    every = [*known, *groups, "hydra/launcher"]
    section = key.rpartition(".")[0]
    siblings = [name for name in known if name.rpartition(".")[0] == section]
    if not section or not siblings:
        siblings = [*sorted(groups), *(siblings or known)]
    if key in known:
        return ConfigError(key, value, "settings that every job of the sweep has", "One of them lacks this one.")
    hint = for_key(key, value, every, _task(arguments)) or nearest(key, siblings) or nearest(key, every)
    return ConfigError(key, value, ", ".join(siblings), hint)


def _task(arguments: Sequence[str]) -> str:
    """Return the task that the command line names, or an empty string."""
    return next((text.partition("=")[2] for text in arguments if text.startswith("task=")), "")


def refuse_fixed_directory(arguments: Sequence[str]) -> None:
    """Refuse a run directory for all jobs of a sweep."""
    if not MULTIRUN_FLAGS & set(arguments):
        return
    for argument in arguments:
        if argument.lstrip("+").startswith("run_dir=") and not argument.endswith("run_dir=null"):
            raise ConfigError(
                "run_dir",
                argument.partition("=")[2],
                "nothing with -m, because all jobs would write there",
                "Set paths.runs=... instead: each job then gets its own directory below it.",
            )
