"""`python -m gru_bench.predict run=DIR ...`: continue, classify or translate texts, forecast, recall, flag rows."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from gru_bench.arguments import names, run_command, with_parameters
from gru_bench.classes import check_trusted, load_class
from gru_bench.config import Config
from gru_bench.declarations import declared
from gru_bench.errors import ConfigError, UserError
from gru_bench.files import home_expanded, write_atomically
from gru_bench.jax_import import import_jax
from gru_bench.record import read_record
from gru_bench.replacing import Recogniser, check_replaceable, holds, is_list_of, is_picture, is_table
from gru_bench.terminal import printable

STANDARD_OUTPUT = Path("-")
EXAMPLES = (
    "python -m gru_bench.predict run=DIR --help",
    'python -m gru_bench.predict run=runs/language_modeling/tiny_shakespeare/gru-1a2b3c4d/seed0 prompt="ROMEO: "',
    "cat start.txt | python -m gru_bench.predict run=DIR prompt=- length=500 temperature=0.7 top_k=20",
    'python -m gru_bench.predict run=runs/sentiment/imdb/lstm-1a2b3c4d/seed0 "A fine film." "Dull, and too long."',
    "python -m gru_bench.predict run=DIR file=reviews.csv column=text out=labels.csv",
    'python -m gru_bench.predict run=runs/translation/multi30k/gru-1a2b3c4d/seed0 "Ein Hund läuft." picture=align.png',
    'python -m gru_bench.predict run=runs/memory/adding/gru-1a2b3c4d/seed0 "0.5* 0.3 0.25*"',
    "python -m gru_bench.predict run=runs/time_series/etth1/gru-1a2b3c4d/seed0 file=new.csv out=forecast.csv "
    "picture=forecast.png",
    "python -m gru_bench.predict run=runs/music/jsb/gru-1a2b3c4d/seed0 file=own.json length=64 out=more.json",
)


def predict(
    *, run: Path, out: Path | None = None, picture: Path | None = None, overwrite: bool = False, plugins: str = ""
) -> None:
    """Predict new inputs with the best weights of a run; its training data is not needed.

    A language model continues a text, a sentiment model classifies texts, a translation model translates them, a time
    series model forecasts, a memory model recalls, a music model continues pieces, an anomaly model flags rows, a
    tagger tags words, a recogniser writes what is said, a conversation is answered, pictures get captions. Further
    arguments depend on the task: `run=DIR --help` lists them.

    Args:
        run: a run directory
        out: a .csv or .json file for the result instead of the terminal; -: CSV on standard output
        picture: a .png file for a picture of the result, if the task has one
        overwrite: replace existing files, even if this command did not write them; never a file of a run or an input
        plugins: your own modules or packages, separated by commas, whose classes the run may use

    Raises:
        UserError: there is no such run, it has no weights yet, or a file cannot be written.
    """


def predict_with_run(argv: Sequence[str]) -> Callable[..., None]:
    """Return the command for the run that the arguments name: `predict` with the arguments of the run's task.

    Raises:
        UserError: there is no such run, or it has no weights yet.
    """
    named = [argument.partition("=")[2] for argument in argv if argument.startswith("run=")]
    if not named:
        return predict
    directory = home_expanded(named[0], "run")
    config = Config.from_dict(read_record(directory).config)
    trusted = names(",".join(argument.partition("=")[2] for argument in argv if argument.startswith("plugins=")))
    check_trusted([config.task.place], trusted, directory)
    declared(config.task.place)  # JAX takes seconds to load, and a wrong directory needs none
    import_jax()
    from gru_bench.training.jax_settings import check_xla_flags, set_up_jax

    check_xla_flags()
    set_up_jax()
    from gru_bench.tasks.task import Task

    def command(
        *plain: Any,
        run: Path,
        out: Path | None = None,
        picture: Path | None = None,
        overwrite: bool = False,
        plugins: str = "",
        **of_task: Any,
    ) -> None:
        from gru_bench.training.saved import load_run

        _check_files(out, picture)
        saved = load_run(directory, names(plugins))
        inputs = [*saved.data_files, *(value for value in (*plain, *of_task.values()) if isinstance(value, Path))]
        check = partial(check_replaceable, inputs=inputs, overwrite=overwrite)
        if picture is not None:
            check(picture, "picture", is_picture)
        prediction = saved.predict(*plain, **of_task)
        chat = [] if isinstance(prediction.text, str) else prediction.text
        for line in chat:
            if out != STANDARD_OUTPUT:
                _show(line)
        if out is not None and out != STANDARD_OUTPUT:
            check(out, "out", _recogniser(out, prediction.rows, inputs))
        if picture is not None:
            if prediction.draw is None:
                raise ConfigError("picture", picture, f"nothing: task={saved.record.task} has no picture of this")
            figure = prediction.draw()
            from gru_bench.plotting import save_figure  # Matplotlib is loaded where a picture is wanted

            _writing(picture, lambda: save_figure(figure, picture))
        if out is None:
            if isinstance(prediction.text, str):
                _show(prediction.text)
        elif out == STANDARD_OUTPUT:
            sys.stdout.write(_as_csv(prediction.rows))
        else:
            content = _FORMATS[out.suffix.lower()](prediction.rows)
            _writing(out, lambda: write_atomically(out, content.encode()))
        for path in (out, picture):
            if path is not None and path != STANDARD_OUTPUT:
                print(f"Written: {path}", file=sys.stderr)

    return with_parameters(command, predict, load_class(config.task.place, Task).predict, supplied=("self", "network"))


def _show(text: str) -> None:
    print(printable(text) if sys.stdout.isatty() else text, flush=True)


def _check_files(out: Path | None, picture: Path | None) -> None:
    if out is not None and out != STANDARD_OUTPUT and out.suffix.lower() not in _FORMATS:
        raise ConfigError("out", out, f"a file that ends in {' or '.join(_FORMATS)}, or - for CSV on standard output")
    if picture is not None and picture.suffix.lower() != ".png":
        raise ConfigError("picture", picture, "a file that ends in .png")


def _recogniser(out: Path, rows: Sequence[Mapping[str, Any]], inputs: Sequence[Path]) -> Recogniser:
    """Return what recognises an earlier result; where results look like inputs, it has as many rows."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if out.suffix.lower() == ".json":
        return is_list_of(columns)
    table = is_table(columns)
    count = len(rows) if any(holds(table, path) for path in inputs) else None
    return is_table(columns, count)


def _writing(path: Path, write: Callable[[], None]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write()
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}). Give another file.") from error


def _as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    from gru_bench.reporting.csv_file import csv_text

    return csv_text([dict(row) for row in rows])


def _as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    known = [
        {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in row.items()}
        for row in rows
    ]
    return json.dumps(known, ensure_ascii=False, indent=2) + "\n"


_FORMATS: Mapping[str, Callable[[Sequence[Mapping[str, Any]]], str]] = {".csv": _as_csv, ".json": _as_json}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code (see `run_command`)."""
    return run_command(predict_with_run, argv, EXAMPLES, by_arguments=True)


if __name__ == "__main__":
    sys.exit(main())
