"""A user's file of labelled sequences: .ts, .npz, a long table, or a folder of WAV files with a table of labels."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.audio.features import feature_options
from gru_bench.data.files.numbers import Decimal
from gru_bench.data.files.tables import Layout, SkippedRows, place_name, skipped_rows
from gru_bench.data.files.text import digest_of
from gru_bench.data.signals.files import READERS, Records, ending
from gru_bench.data.signals.signals import LabelledSequences, SignalForm, Signals, join_signals, make_signals, uneven
from gru_bench.data.signals.sounds import SoundLayout, holds_sound, read_sounds
from gru_bench.data.signals.splits import draw_signal_splits
from gru_bench.data.signals.table import Column, SignalLayout, read_long_table
from gru_bench.data.source import gives, with_settings_of
from gru_bench.data.texts.labels import NO_LABEL, check_classes, match_labels, sorted_classes
from gru_bench.errors import ConfigError, DataError, nearest
from gru_bench.files import home_expanded
from gru_bench.validation import Fraction, HeldOutFraction, Natural, Positive

log = logging.getLogger(__name__)

OwnLayout = SignalLayout | SoundLayout


@gives("labelled_sequences")
@with_settings_of(feature_options)
def load(
    *,
    mirror: Path | None,
    cache: Path,
    path: str,
    id_column: Column = None,
    time_column: Column = None,
    label_column: Column = None,
    group_column: Column = None,
    channels: list[str | int] | None = None,
    decimal: Decimal = ".",
    missing: str | int | float | list[str | int | float] | None = None,
    delimiter: str | None = None,
    encoding: str = "auto",
    header: bool | None = None,
    skip_rows: SkippedRows | None = None,
    rate: Positive | None = None,
    pre_emphasis: Fraction = 0.97,
    deltas: bool = False,
    scale_to_peak: bool = True,
    valid_path: str | None = None,
    test_path: str | None = None,
    valid_fraction: HeldOutFraction = 0.15,
    test_fraction: HeldOutFraction = 0.15,
    split_seed: Natural = 0,
    **sound: Any,
) -> LabelledSequences:
    """Read labelled sequences; splits without a file are drawn from `path`, each class alike, or group by group.

    Args:
        mirror: unused.
        cache: unused.
        path: a .ts or .npz file, or a long table with a row per time step; or a table with a column of WAV files, or a
            folder with these and the table.
        id_column: of a table: the column that says which rows are one sequence; null recognises its name.
        time_column: of a table: the column of times; null recognises its name, and takes rows in order without one.
        label_column: of a table: the column of classes; null recognises its name.
        group_column: of a table, or the array `groups`: no group is in two of the splits that are drawn.
        channels: columns of a table to read; null reads all other columns of numbers.
        decimal: decimal mark of a table.
        missing: missing-value markers of a table beside the usual ones.
        delimiter: of a table; null detects it.
        encoding: of a table; `auto` detects it.
        header: whether the first row of a table names its columns; null detects it.
        skip_rows: number of lines to skip at the top of a table, or a list of line numbers to skip, from 1.
        rate: of sound: samples per second; null is the lowest rate of the recordings of `path`.
        pre_emphasis: of sound; 0 switches it off.
        deltas: of sound: whether derivatives in time follow.
        scale_to_peak: of sound: whether every recording is scaled to a peak of 1.
        valid_path: a file for validation, of the same form.
        test_path: a file for test, of the same form.
        valid_fraction: share of `path` for validation, if `valid_path` is null.
        test_fraction: share of `path` for test, if `test_path` is null.
        split_seed: seed of these draws.
        sound: settings of the features; see `gru_bench.data.audio.features.feature_options`.

    Raises:
        ConfigError: there is no such column, or a column must be named.
        DataError: a file is missing, broken or without labels; there are fewer than two classes or too few groups.
    """
    markers = missing if isinstance(missing, list) else [] if missing is None else [missing]
    table: Any = {
        "delimiter": delimiter,
        "encoding": encoding,
        "header": header,
        "skip_rows": skipped_rows(skip_rows),
    }
    options = {
        "rate": rate,
        "pre_emphasis": pre_emphasis,
        "scale_to_peak": scale_to_peak,
        **feature_options(deltas=deltas, **sound),
    }
    place = home_expanded(path, "data.path")
    requested = (
        SoundLayout(options=options, table=Layout(**table), label_column=label_column, group_column=group_column)
        if id_column is None and holds_sound(place, Layout(**table))
        else SignalLayout(
            **table,
            id_column=id_column,
            time_column=time_column,
            label_column=label_column,
            group_column=group_column,
            channels=tuple(channels or ()),
            decimal=decimal,
            missing=tuple(map(str, markers)),
        )
    )
    records, layout = _read(place, requested, "data.path")
    files = {"all": records}
    for split, other in {"valid": valid_path, "test": test_path}.items():
        if other is not None:
            files[split] = _fitting(_read(Path(other), layout, f"data.{split}_path")[0], records.channels, other)
    names = {split: _labels(part, f"data.{'' if split == 'all' else split + '_'}path") for split, part in files.items()}
    classes = sorted_classes(names["all"])
    check_classes(classes, names, str(layout.label_column or "labels"), len(records.values))
    numbers = {name: number for number, name in enumerate(classes)}
    signals = {split: _signals(part, [numbers[name] for name in names[split]]) for split, part in files.items()}
    groups = _groups(records, layout.group_column)
    wanted = {"valid": valid_fraction, "test": test_fraction}
    fractions = {split: share for split, share in wanted.items() if split not in signals}
    whole = signals.pop("all")
    signals |= draw_signal_splits(whole, fractions, split_seed, groups) if fractions else {"train": whole}
    facts = {
        "file_sha256": digest_of(path),
        "drawn_from_path": list(fractions),
        "groups": None if groups is None else len(set(groups)),
    }
    return make_signals(
        "sequences_file",
        signals,
        classes,
        records.channels,
        reading=asdict(layout),
        frame=records.frame,
        facts=facts,
    )


def read_labelled(path: Path, form: SignalForm, key: str) -> Signals:
    """Read another file of the form of the training data; see `gru_bench.data.texts.labels.match_labels`.

    Raises:
        DataError: the file is missing or broken, lacks a channel, or a label is not one of the classes.
    """
    records = _known(path, form, key)
    column = str(form.reading.get("label_column") or "labels")
    return _signals(records, match_labels(_labels(records, key), form.classes, column, f"{key}: {path}"))


def read_unlabelled(path: Path, form: SignalForm, key: str) -> Signals:
    """Read another file of the form of the training data; labels, if it has some, are not read.

    Raises:
        DataError: the file is missing or broken, or lacks a channel.
    """
    records = _known(path, form, key)
    return _signals(records, [0] * len(records.values))


def _known(path: Path, form: SignalForm, key: str) -> Records:
    if "options" in form.reading:
        layout = SoundLayout.from_dict(form.reading)
    else:
        layout = SignalLayout.from_dict(form.reading)
        layout = layout if layout.columns else replace(layout, channels=form.channels)
    records = _fitting(_read(path, layout, key, labelled=False)[0], form.channels, str(path))
    if not form.irregular:
        place = f"{key}: {place_name(path)}"
        missing = "missing, expected one: the training data lacks none. Fill it in, or leave the sequence out."
        _refuse(records, np.isnan, place, missing)
        if uneven(_signals(records, [0] * len(records.values))):
            log.warning("%s: times are uneven, unlike those of the training data; the model does not read them", place)
    return records


def _read(path: Path, layout: OwnLayout, key: str, *, labelled: bool = True) -> tuple[Records, OwnLayout]:
    place = home_expanded(str(path), key)
    if isinstance(layout, SoundLayout):
        return read_sounds(place, layout, key, labelled=labelled)
    if ending(place) in READERS:
        records = READERS[ending(place)](place, key)
    else:
        records, layout = read_long_table(place, layout, key, labelled=labelled)
    infinite = "infinite or beyond 3.4e38, expected a finite one. Correct it, or leave it out as missing."
    _refuse(records, np.isinf, f"{key}: {place_name(path)}", infinite)
    return records, layout


def _refuse(
    records: Records, wrong: Callable[[NDArray[np.float32]], NDArray[np.bool_]], place: str, found: str
) -> None:
    for number, values in enumerate(records.values):
        if wrong(values).any():
            step, channel = np.argwhere(wrong(values))[0]
            name = repr(records.names[number]) if records.names else number + 1
            raise DataError(
                f"{place}: sequence {name}, time step {step + 1}: the value of {records.channels[channel]!r} is {found}"
            )


def _fitting(records: Records, channels: tuple[str, ...], place: str) -> Records:
    if len(records.channels) != len(channels):
        raise DataError(
            f"{place}: found {len(records.channels)} channels, expected {len(channels)} as in the training data: "
            f"{', '.join(channels)}."
        )
    return records


def _labels(records: Records, key: str) -> list[str]:
    if records.labels is None:
        raise DataError(f"{key}: the file has no labels, expected one per sequence.")
    missing = [number for number, label in enumerate(records.labels, 1) if label.strip().casefold() in NO_LABEL]
    if missing:
        raise DataError(
            f"{key}: {len(missing):,} of {len(records.labels):,} sequences have no label, the first one is sequence "
            f"{missing[0]:,} of the file. Add the labels or leave the sequences out."
        )
    return records.labels


def _signals(records: Records, labels: list[int]) -> Signals:
    return join_signals(records.values, np.array(labels, np.int32), records.times, records.names)


def _groups(records: Records, column: Column) -> list[str] | None:
    """Return the group of each sequence; without a column of groups, advise to use one that looks like it."""
    if column is not None:
        if str(column) not in records.groups:
            names = list(records.groups)
            allowed = f"one of {', '.join(names)}" if names else "null: the file has no groups"
            raise ConfigError("data.group_column", column, allowed, nearest(str(column), names))
        return records.groups[str(column)]
    _advise(records.groups, len(records.values))
    return None


def _advise(groups: Mapping[str, list[str]], count: int) -> None:
    for name, values in groups.items():
        log.warning(
            "column %r has %s values for %s sequences and looks like a group, such as a person. Sequences of one group "
            "may be in two splits, so that test says little about new groups: data.group_column=%s keeps them apart",
            name,
            len(set(values)),
            count,
            name,
        )
