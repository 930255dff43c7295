"""Arguments of all commands but `train`: plain `key=value`, typed by the signature of the command's function.

An argument is split at its first `=`; the rest is the value, so that commas, quotes, brackets and further `=` need
only the shell's quoting. The value `-` reads standard input; a path of `-` is passed on, for the command to interpret.
A function with `*paths` also accepts arguments without a key, one with `**settings` any other key, as text.
"""

from __future__ import annotations

import inspect
import re
import sys
import traceback
import types
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from gru_bench.errors import ConfigError, DataError, UserError, nearest
from gru_bench.files import home_expanded
from gru_bench.redaction import redacted
from gru_bench.suggestions import for_flag
from gru_bench.terminal import BROKEN_PIPE, drop_output, open_streams, read_standard_input, say_lost
from gru_bench.validation import check, describe, settings

INTERRUPTED = 130  # 128 + SIGINT, as shells report it

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_FLAGS = {"true": True, "false": False}
_DEBUG = inspect.Parameter("debug", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=bool)


def parse_arguments(target: Callable[..., Any], argv: Sequence[str]) -> tuple[list[Any], dict[str, Any]]:
    """Turn command line arguments into positional and keyword arguments of `target`.

    Args:
        target: the function to call; its annotations are the types of the values.
        argv: the arguments, without the program's name.

    Returns:
        The positional arguments and the keyword arguments, checked.

    Raises:
        ConfigError: an unknown, repeated or missing key, or a value that the annotation does not allow.
    """
    known = settings(target)
    rest, free = _of_kind(known, inspect.Parameter.VAR_POSITIONAL), _of_kind(known, inspect.Parameter.VAR_KEYWORD)
    named = {name: parameter for name, parameter in known.items() if parameter not in (rest, free)}
    plain: list[Any] = []
    texts: dict[str, str] = {}
    for argument in argv:
        key, separator, text = argument.partition("=")
        if argument.startswith("-"):
            hint = for_flag(argument) if free else for_flag(argument, {})
            raise ConfigError("arguments", argument, _expected(named, rest), hint)
        if not separator or (rest and not _KEY.fullmatch(key)):
            if rest is None:
                raise ConfigError("arguments", argument, _expected(named, rest), "Write key=value.")
            plain.append(_value(argument, rest.annotation, rest.name))
        elif key not in named and free is None:
            hint = nearest(key, named) or ("A path that holds '=' starts with ./" if rest else "")
            raise ConfigError(key, text, _expected(named, rest), hint)
        elif key in texts:
            raise ConfigError(key, text, "one value", f"It was already given as {key}={texts[key]}.")
        else:
            texts[key] = text
    texts = _read_standard_input(texts, named)
    for name, parameter in named.items():
        if parameter.default is parameter.empty and name not in texts:
            raise ConfigError(name, None, describe_setting(parameter.annotation), f"Give it: {name}=...")
    return plain, {
        name: _value(text, named[name].annotation if name in named else str, name) for name, text in texts.items()
    }


def convert(text: str, annotation: Any, key: str = "path") -> Any:
    """Convert `text` to the most specific type that `annotation` allows; text that fits none is returned as it is.

    A choice of a `Literal` comes first, then true/false, integers, numbers, `null` or `none`, and last text or a
    path, in which `~` and `~name` are home folders. If only text is allowed, it is literal: `prompt=123` is "123".
    `key` names the argument in messages.
    """
    options = _flatten(annotation)
    for option in options:
        if get_origin(option) is Literal:
            for choice in get_args(option):
                if str(choice).lower() == text.lower():
                    return choice
    if bool in options and text.lower() in _FLAGS:
        return _FLAGS[text.lower()]
    for number in (int, float):
        if number in options:
            try:
                return number(text)
            except ValueError:
                continue
    if type(None) in options and str not in options and text.lower() in ("null", "none"):
        return None
    return home_expanded(text, key) if Path in options else text


def with_parameters(
    command: Callable[..., Any], *sources: Callable[..., Any], supplied: Sequence[str] = ()
) -> Callable[..., Any]:
    """Give a function the signature and docstring of others, for `parse_arguments` and `help_text`.

    Args:
        command: takes any positional and keyword arguments.
        sources: functions whose parameters are copied; the summary is that of the first one.
        supplied: names of parameters that the program itself passes.
    """
    parameters = [
        parameter for source in sources for name, parameter in settings(source).items() if name not in supplied
    ]
    summary, _ = _split_docstring(inspect.getdoc(sources[0]) or "")
    details = {name: text for source in sources for name, text in _argument_texts(source).items()}
    described = ["    " + f"{name}: {text}".replace("\n", "\n        ") for name, text in details.items()]

    def joined(*plain: Any, **named: Any) -> Any:
        return command(*plain, **named)

    joined.__module__ = sources[0].__module__
    joined.__doc__ = "\n".join([summary, "", "Args:", *described])
    joined.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    ordered = sorted(parameters, key=lambda parameter: parameter.kind)
    joined.__dict__["__signature__"] = inspect.Signature(ordered)
    return joined


def run_command(
    main: Callable[..., Any],
    argv: Sequence[str] | None = None,
    examples: Sequence[str] = (),
    by_arguments: bool = False,
    go_on: bool = False,
) -> int:
    """Call `main` with the arguments of the command line and return the exit code.

    Args:
        main: the command; its docstring is the help and its result the exit code (None is 0).
        argv: the arguments; those of the process by default.
        examples: command lines for `--help`.
        by_arguments: `main` is called with the command line and returns the command, whose parameters depend on it.
        go_on: whether the command succeeds even if standard output cannot be written.

    Returns:
        The result of the command; the exit code of a `UserError`, whose message goes to standard error (with
        `debug=true`: its traceback); 130 after Ctrl-C; 141 if the reader of a pipe is gone; 1 if standard output
        cannot be written.
    """
    with open_streams() as output:
        code = _run(main, list(sys.argv[1:] if argv is None else argv), examples, by_arguments)
        lost = say_lost(output)
    return code or int(lost and not go_on)


def _run(main: Callable[..., Any], argv: list[str], examples: Sequence[str], by_arguments: bool) -> int:
    debug = False
    try:
        if by_arguments and "--version" not in argv:
            main = main(argv)
        code = None
        if "--version" in argv:
            print(f"gru_bench {version('gru_bench')}")
        elif "--help" in argv or "-h" in argv:
            print(help_text(main, examples))
        else:
            argv, debug = _take_debug(main, argv)
            plain, named = parse_arguments(main, argv)
            code = main(*plain, **named)
        sys.stdout.flush()
        return code or 0
    except UserError as error:
        if debug:
            traceback.print_exc()
        else:
            print(redacted(f"error: {error}"), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        drop_output()
        return BROKEN_PIPE


def help_text(main: Callable[..., Any], examples: Sequence[str] = ()) -> str:
    """Return the help of a command, made from the docstring and the signature of its function."""
    known = settings(main)
    rest, free = _of_kind(known, inspect.Parameter.VAR_POSITIONAL), _of_kind(known, inspect.Parameter.VAR_KEYWORD)
    summary, details = _split_docstring(inspect.getdoc(main) or "")
    usage = f"usage: python -m {main.__module__ if main.__module__ != '__main__' else _program()}"
    usage += f" [{rest.name.upper()} ...]" if rest else ""
    lines = [f"{usage} [key=value ...]", "", summary, ""]
    for name, parameter in (known if "debug" in known else {**known, "debug": _DEBUG}).items():
        if parameter is rest:
            lines.append(f"  {name.upper()}")
        elif parameter is free:
            lines.append("  KEY=...")
        elif parameter.default is parameter.empty:
            lines.append(f"  {name}=...  {describe_setting(parameter.annotation)}; required")
        else:
            lines.append(f"  {name}=...  {describe_setting(parameter.annotation)}; {_default(parameter.default)}")
        text = "show the traceback of an error" if parameter is _DEBUG else details.get(name, "")
        lines += [f"      {line}" for line in text.splitlines()]
    lines += ["", "Everything after the first '=' is the value. '-' stands for standard input or output."]
    if examples:
        lines += ["", "examples:", *(f"  {example}" for example in examples)]
    return "\n".join(lines)


def describe_setting(annotation: Any) -> str:
    """Describe the values that an annotation allows, paths included; None is left out."""
    options = [option for option in _flatten(annotation, keep_annotated=True) if option is not type(None)]
    return " or ".join("a path" if option is Path else describe(option) for option in options)


def _default(value: object) -> str:
    if value is None or value == "":
        return "optional"
    return f"default: {str(value).lower() if isinstance(value, bool) else value}"


def _value(text: str, annotation: Any, name: str) -> Any:
    value = convert(text, annotation, name)
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        raise ConfigError(name, value, "text", "It holds bytes that are not in the encoding of the command line.")
    try:
        return check(value, annotation, name)
    except ConfigError as error:
        choices = [str(choice) for option in _flatten(annotation) for choice in get_args(option)]
        raise ConfigError(name, value, describe_setting(annotation), nearest(text, choices)) from error


def names(text: str) -> list[str]:
    """Split a list of names at its commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def _of_kind(known: dict[str, inspect.Parameter], kind: Any) -> inspect.Parameter | None:
    return next((parameter for parameter in known.values() if parameter.kind is kind), None)


def _flatten(annotation: Any, keep_annotated: bool = False) -> list[Any]:
    origin = get_origin(annotation)
    if origin is Annotated and not keep_annotated:
        return _flatten(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [option for argument in get_args(annotation) for option in _flatten(argument, keep_annotated)]
    return [annotation]


def _expected(named: dict[str, inspect.Parameter], rest: inspect.Parameter | None) -> str:
    keys = ", ".join(f"{name}=..." for name in [*named, *({"debug"} - set(named))])
    return f"{rest.name} and {keys}" if rest else keys


def _read_standard_input(texts: dict[str, str], named: dict[str, inspect.Parameter]) -> dict[str, str]:
    readers = [
        name
        for name, text in texts.items()
        if text == "-" and name in named and Path not in _flatten(named[name].annotation)
    ]
    if not readers:
        return texts
    if len(readers) > 1:
        raise ConfigError(readers[1], "-", "one argument that reads standard input", f"{readers[0]} reads it already.")
    if sys.stdin is not None and sys.stdin.isatty():
        print(f"Reading {readers[0]} from the keyboard; end with Ctrl-D.", file=sys.stderr)
    text = _decoded(read_standard_input(readers[0]), readers[0])
    return {**texts, readers[0]: text.removeprefix("\ufeff").removesuffix("\n")}  # which editors add


def _decoded(raw: bytes, name: str) -> str:
    encoding = sys.stdin.encoding or "utf-8"
    try:
        return raw.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name}: standard input is not {encoding}: byte {raw[error.start]:#04x} at offset {error.start}. "
            "Convert it, or set PYTHONIOENCODING to its encoding."
        ) from error


def _take_debug(main: Callable[..., Any], argv: list[str]) -> tuple[list[str], bool]:
    flags = [argument for argument in argv if argument.startswith("debug=")]
    value = convert(flags[-1].partition("=")[2], bool) if flags else False
    check(value, bool, "debug")
    kept = argv if "debug" in settings(main) else [argument for argument in argv if argument not in flags]
    return kept, bool(value)


def _argument_texts(target: Callable[..., Any]) -> dict[str, str]:
    return _split_docstring(inspect.getdoc(target) or "")[1]


def _program() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec else Path(sys.argv[0]).stem


def _split_docstring(text: str) -> tuple[str, dict[str, str]]:
    """Split a Google docstring into its summary and its `Args:` by name."""
    summary, _, rest = text.partition("\nArgs:\n")
    details: dict[str, str] = {}
    name = ""
    for line in rest.splitlines():
        if line and not line.startswith(" "):
            break
        entry = re.match(r" {4}\*{0,2}(\w+): (.*)", line)
        if entry:
            name = entry[1]
            details[name] = entry[2]
        elif line.strip() and name:
            details[name] += "\n" + line.strip()
    summary = re.split(r"\n(?:Returns|Raises|References):\n", summary)[0]
    return summary.strip(), details
