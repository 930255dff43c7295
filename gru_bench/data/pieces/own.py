"""A user's music: a JSON file of pieces, each a list of time steps, each a list of MIDI pitches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gru_bench.data.files.tables import place_name, read_unpacked
from gru_bench.data.files.text import decode
from gru_bench.data.pieces.pieces import KEYS, LOWEST, Roll, to_roll
from gru_bench.errors import DataError

_FORM = "a list of pieces, each a list of time steps, each a list of MIDI pitches, as in [[[60, 64], [60, 64], []]]"


def read_pieces(path: Path, key: str) -> list[Roll]:
    """Return the pieces of a file; a single piece, a list of time steps, is also accepted.

    Args:
        path: the file, may be gzipped; `-` is standard input.
        key: the argument that names it, for messages.

    Raises:
        DataError: the file is missing, is not JSON or has another structure, or a pitch is outside the piano.
    """
    place = place_name(path)
    text, _ = decode(read_unpacked(path, key), "auto", place, key)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{key}: {place}, line {error.lineno}, column {error.colno}: not JSON ({error.msg}); expected {_FORM}."
        ) from error
    except (ValueError, RecursionError) as error:  # thousands of digits, or of brackets
        raise DataError(f"{key}: {place}: cannot be read ({error}); expected {_FORM}.") from error
    if not isinstance(content, list) or not content or not all(isinstance(part, list) for part in content):
        raise DataError(f"{key}: {place}: expected {_FORM}.")
    nested = any(isinstance(inner, list) for part in content for inner in part)
    pieces = content if nested else [content]
    return [_roll(piece, f"{key}: {place}, piece {number}") for number, piece in enumerate(pieces, 1)]


def _roll(piece: list[Any], place: str) -> Roll:
    if not piece:
        raise DataError(f"{place}: found no time step, expected at least one.")
    for number, chord in enumerate(piece, 1):
        if not isinstance(chord, list):
            raise DataError(f"{place}, step {number}: found {json.dumps(chord)}, expected a list of MIDI pitches.")
        for pitch in chord:
            if type(pitch) is not int or not LOWEST <= pitch < LOWEST + KEYS:
                raise DataError(
                    f"{place}, step {number}: found {json.dumps(pitch)}, expected MIDI pitches from {LOWEST} to "
                    f"{LOWEST + KEYS - 1}; 60 is the middle C."
                )
    return to_roll(piece)
