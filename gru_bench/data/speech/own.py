"""A user's recordings: a table with the file and the transcript of each."""

from __future__ import annotations

import hashlib
import io
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gru_bench.data.audio.features import SpectralFeatures, feature_options
from gru_bench.data.audio.wav import parse_wav
from gru_bench.data.files.columns import Column, column_names, find_column, named_like, only_column
from gru_bench.data.files.known_tables import read_in_layout
from gru_bench.data.files.tables import (
    Layout,
    SkippedRows,
    layout_of,
    place_name,
    read_table,
    read_unpacked,
    skipped_rows,
)
from gru_bench.data.files.text import read_file
from gru_bench.data.source import gives, with_settings_of
from gru_bench.data.speech.utterances import Frames, Speech, SpeechForm, Unit, Utterances, make_speech, with_slopes
from gru_bench.data.texts.splits import cut_by_class
from gru_bench.errors import ConfigError, DataError
from gru_bench.validation import HeldOutFraction, Natural, Positive

if TYPE_CHECKING:
    import pandas as pd

FILE_NAMES = frozenset("file path filename file_name wav audio clip recording".split())
TEXT_NAMES = frozenset("text transcript transcription sentence words".split())


@dataclass(frozen=True, kw_only=True)
class SpeechLayout(Layout):
    """The layout of a table of recordings, and its columns.

    Attributes:
        file_column: name of the column of files, or its number, from 1; None detects it.
        text_column: name of the column of transcripts, or its number; None detects it.
        lowercase: whether transcripts are read in lower case.
    """

    file_column: Column = None
    text_column: Column = None
    lowercase: bool = True


@gives("speech")
@with_settings_of(feature_options)
def load(
    *,
    mirror: Path | None,
    cache: Path,
    path: str,
    file_column: Column = None,
    text_column: Column = None,
    speaker_column: Column = None,
    delimiter: str | None = None,
    encoding: str = "auto",
    header: bool | None = None,
    skip_rows: SkippedRows | None = None,
    valid_path: str | None = None,
    test_path: str | None = None,
    valid_fraction: HeldOutFraction = 0.1,
    test_fraction: HeldOutFraction = 0.1,
    split_seed: Natural = 0,
    unit: Unit = "char",
    lowercase: bool = True,
    rate: Positive = 16_000,
    **sound: Any,
) -> Speech:
    """Read WAV files and their transcripts; splits without a table are random samples, of speakers if they are known.

    Args:
        mirror: unused.
        cache: unused.
        path: the table, relative to the working directory; `~` is the home folder. Files in it are relative to its
            folder.
        file_column: the column of WAV files, by name or number, from 1; null detects it.
        text_column: the column of transcripts, likewise.
        speaker_column: the column of speakers, likewise; null: there is none, and splits may share speakers.
        delimiter: one character, or `tab`; null detects it.
        encoding: the encoding, or `auto`: byte order mark, else UTF-8, else the best guess.
        header: whether the first row names the columns; null detects it.
        skip_rows: number of lines to skip at the top, or a list of line numbers to skip, from 1; null skips titles and
            comments above a header.
        valid_path: a table for validation, with the same columns.
        test_path: a table for test, with the same columns.
        valid_fraction: share of `path` for validation, if `valid_path` is null.
        test_fraction: share of `path` for test, if `test_path` is null.
        split_seed: seed of these samples.
        unit: whether the network writes characters or words.
        lowercase: whether transcripts are read in lower case.
        rate: samples per second; recordings of other rates are resampled.
        sound: settings of the features; see `gru_bench.data.audio.features.feature_options`.

    Raises:
        ConfigError: there is no such column or encoding, or a column must be named.
        DataError: a table or a recording is missing or broken, or a transcript is empty.
    """
    extraction = SpectralFeatures(rate=rate, **feature_options(**sound))
    known: dict[str, Any] = {"file_column": file_column, "text_column": text_column, "lowercase": lowercase}
    layout = SpeechLayout(
        delimiter=delimiter, encoding=encoding, header=header, skip_rows=skipped_rows(skip_rows), **known
    )
    frame = read_table(Path(path), layout)
    names = _columns(frame, layout, "data.")
    known |= dict(zip(("file_column", "text_column"), names, strict=True))
    layout = SpeechLayout(**layout_of(frame), **known)
    whole = _transcribed(frame, layout, Path(path), extraction, "data.path")
    places = {"valid": valid_path, "test": test_path}
    fractions = {"valid": valid_fraction, "test": test_fraction}
    drawn = {split: share for split, share in fractions.items() if places[split] is None}
    keys = list(whole.names) if speaker_column is None else _speakers(frame, speaker_column, len(drawn) + 1)
    splits = {
        split: whole.take(chosen) for split, chosen in cut_by_class(keys, [0] * len(whole), drawn, split_seed).items()
    }
    for split, place in places.items():
        if place is not None:
            splits[split] = _read_known(Path(place), layout, extraction, f"data.{split}_path")
    facts = {
        "file_sha256": hashlib.sha256(read_file(path)).hexdigest(),
        "columns": {"file": names[0], "text": names[1], "speaker": speaker_column},
        "drawn_from_path": list(drawn),
    }
    return make_speech(
        "speech_csv",
        splits,
        extraction.names,
        1 / extraction.hop,
        unit=unit,
        extraction=extraction,
        reading=asdict(layout),
        facts=facts,
    )


def read_transcribed(path: Path, form: SpeechForm, key: str) -> Utterances:
    """Read the recordings of another table in the format of the training data.

    Raises:
        ConfigError: there is no such column, or the training data has features and no sound.
        DataError: the table or a recording is missing or broken, or a transcript is empty.
    """
    if form.extract is None:
        raise ConfigError(key, path, f"nothing: the features of data={form.name} are not computed from recordings here")
    layout = SpeechLayout.from_dict(form.reading) if form.reading else SpeechLayout()
    return _read_known(path, layout, form.extract, key)


def read_frames(path: Path, form: SpeechForm, key: str) -> Frames:
    """Read the features of a recording: of a WAV file, or as they are from a .npy or .mfc file.

    Args:
        path: the file; `-` is a WAV file on standard input.
        form: the form of the training data.
        key: the argument that names the file, for messages.

    Raises:
        DataError: the file is missing or broken, or not of the kind of the training data.
    """
    place = f"{key}: {place_name(path)}"
    if path.suffix.lower() not in (".npy", ".mfc"):
        if form.extract is None:
            expected = f"a .npy or .mfc file with the features of data={form.name}, which are not computed here"
            raise DataError(f"{place} is no file of features, expected {expected}.")
        return form.extract(parse_wav(read_unpacked(path, key), place))
    width = len(form.features) // (2 if form.deltas else 1)
    content = read_unpacked(path, key)
    try:
        values = (
            np.load(io.BytesIO(content), allow_pickle=False)
            if path.suffix == ".npy"
            else np.frombuffer(content[4:], ">f4").reshape(-1, width)
        )
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{place} cannot be read as features: {error}.") from None
    if values.ndim != 2 or values.shape[1] != width or not len(values) or values.dtype.kind not in "fiu":
        raise DataError(f"{place} has {values.dtype} of shape {values.shape}, expected (frames, {width}), as in train.")
    frames = values.astype(np.float32)
    return with_slopes(frames) if form.deltas else frames


def _read_known(path: Path, layout: SpeechLayout, extraction: SpectralFeatures, key: str) -> Utterances:
    frame = read_in_layout(path, layout, (layout.file_column, layout.text_column), key=key)
    file, text = _columns(frame, layout, "")
    return _transcribed(frame, replace(layout, file_column=file, text_column=text), path, extraction, key)


def _transcribed(
    frame: pd.DataFrame, layout: SpeechLayout, path: Path, extraction: SpectralFeatures, key: str
) -> Utterances:
    """Read the recordings of a table whose columns are known by name."""
    texts = [" ".join(cell.split()) for cell in frame[str(layout.text_column)]]
    texts = [text.lower() for text in texts] if layout.lowercase else texts
    names = list(frame[str(layout.file_column)])
    for line, name, text in zip(frame.index, names, texts, strict=True):
        if not text or not name:
            raise DataError(
                f"{key}: {path}, line {line}: found the file {name!r} with the transcript {text!r}, expected both. "
                "Add what is missing or delete the row."
            )
    frames = []
    for line, name in zip(frame.index, names, strict=True):
        place = path.expanduser().parent / name
        frames.append(
            extraction(parse_wav(read_file(str(place), f"{key}, line {line}"), f"{key}, line {line}: {place}"))
        )
    return Utterances(tuple(frames), tuple(texts), tuple(names))


def _speakers(frame: pd.DataFrame, column: str | int, least: int) -> list[str]:
    speakers = list(frame[find_column(column_names(frame), column, "data.speaker_column")])
    count = len(set(speakers))
    if count < least:
        raise DataError(
            f"data.speaker_column={column}: found {count} speakers, expected at least {least}: one for each split."
        )
    return speakers


def _columns(frame: pd.DataFrame, layout: SpeechLayout, prefix: str) -> tuple[str, str]:
    """Return the columns of files and transcripts; those that are not named are detected.

    Raises:
        ConfigError: there is no such column, or none or several could be meant.
    """
    names = column_names(frame)
    sounds = [name for name in names if all(cell.lower().endswith(".wav") for cell in frame[name])]
    file = _column(frame, layout.file_column, f"{prefix}file_column", FILE_NAMES, sounds or names)
    return file, _column(
        frame, layout.text_column, f"{prefix}text_column", TEXT_NAMES, [name for name in names if name != file]
    )


def _column(frame: pd.DataFrame, wanted: Column, option: str, known: frozenset[str], names: list[str]) -> str:
    if wanted is not None:
        return find_column(column_names(frame), wanted, option)
    return only_column(names, option, names, named_like(names, known))
