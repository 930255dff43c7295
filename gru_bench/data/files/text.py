"""Read and decode user files: by byte order mark, else as UTF-8, else with a guessed encoding."""

from __future__ import annotations

import codecs
import hashlib
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from encodings.aliases import aliases
from pathlib import Path
from typing import NamedTuple

from gru_bench.errors import ConfigError, DataError, nearest
from gru_bench.files import home_expanded

log = logging.getLogger(__name__)

# Longest first: the byte order mark of UTF-32-LE begins with that of UTF-16-LE.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
ONE_BYTE = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "iso8859_2", "iso8859_15")
TEXT_CONTROLS = frozenset(b"\t\n\r\f\x1b")


def read_file(path: str, key: str = "data.path") -> bytes:
    """Return the bytes of a user file.

    Args:
        path: the file; `~` is the home folder.
        key: the setting that names it, for messages.

    Raises:
        DataError: the path is missing, a folder, unreadable or empty.
    """
    place = existing_file(path, key)
    with readable(place, key):
        raw = place.read_bytes()
    if not raw:
        raise DataError(f"{key}: {place.absolute()} is empty, expected text.")
    return raw


def digest_of(path: str, key: str = "data.path") -> str:
    """Return the sha256 of a user file, or of the names and contents of all files in a folder.

    Raises:
        DataError: see `read_file`; an empty file in a folder counts, too.
    """
    folder = existing_path(path, key)
    if folder.is_file():
        return hashlib.sha256(read_file(path, key)).hexdigest()
    state = hashlib.sha256()
    with readable(folder, key):
        places = sorted(place for place in folder.rglob("*") if place.is_file())
    for place in places:
        content = hashlib.sha256(read_file(str(place), key)).hexdigest()
        state.update(f"{place.relative_to(folder).as_posix()} {content}\n".encode())
    return state.hexdigest()


def existing_file(path: str, key: str) -> Path:
    """Return the path of an existing file.

    Raises:
        DataError: the path is missing, or not a file.
    """
    place = home_expanded(path, key)
    with readable(place, key):
        if not place.exists():
            raise DataError(f"{key}: there is no file {place.absolute()}. {_neighbour(place)}".rstrip())
        if not place.is_file():
            kind = "a folder" if place.is_dir() else "no regular file"
            raise DataError(f"{key}: {place.absolute()} is {kind}, expected a file. {sequences_hint(place)}".rstrip())
    return place


def existing_path(path: str, key: str) -> Path:
    """Return the path of an existing file or folder; see `existing_file`."""
    place = home_expanded(path, key)
    with readable(place, key):
        return place if place.is_dir() else existing_file(path, key)


@contextmanager
def readable(place: Path, key: str) -> Iterator[None]:
    """Turn errors of the system while a path is read into a message.

    Raises:
        DataError: the path cannot be read.
    """
    try:
        yield
    except OSError as error:
        raise DataError(f"{key}: cannot read {place.absolute()}: {error.strerror}. Make it readable.") from error


def sequences_hint(place: Path) -> str:
    """Return which source reads a file of sequences of values, or a folder with some; empty for any other path."""
    inside = place.iterdir() if place.is_dir() else [place]
    if not any(one.suffix.lower() in (".ts", ".npz", ".wav") for one in inside):
        return ""
    return f"For sequences of values with labels: task=classification data=sequences_file data.path={place}"


def _neighbour(place: Path) -> str:
    folder = place.absolute().parent
    if not folder.is_dir():
        return f"There is no folder {folder} either."
    return nearest(place.name, (path.name for path in folder.iterdir() if path.is_file()))


def decode(raw: bytes, encoding: str, path: str, key: str = "data.path") -> tuple[str, str]:
    """Decode a user's text; CR LF and CR become LF.

    Args:
        raw: the bytes.
        encoding: a codec, or `auto`.
        path: for messages.
        key: the setting or argument that names the file, for messages; the setting `encoding` is in its section.

    Returns:
        The text and the encoding used.

    Raises:
        ConfigError: there is no such text encoding.
        DataError: binary data, bytes that are invalid in the encoding, or a byte order mark alone.
    """
    if encoding == "auto":
        text, used = _detect(raw, path, key)
    else:
        text, used = _decode_as(raw, encoding, path, key), encoding
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not text:
        raise DataError(f"{key}: {path} is empty, expected text.")
    return text, used


def _encoding(key: str) -> str:
    return f"{key.rpartition('.')[0]}.encoding".removeprefix(".")


def _detect(raw: bytes, path: str, key: str) -> tuple[str, str]:
    for mark, name in MARKS:
        if raw.startswith(mark):
            return _decode_as(raw, name, path, key), name
    _refuse_binary(raw, path, key)
    try:
        return raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        cut = _decode_cut(raw)
        if cut is not None:
            log.warning("%s begins or ends inside a character of UTF-8, which is left out", path)
            return cut, "utf-8"
        best = _guess(raw)
        if best is None:
            raise DataError(
                f"{key}: {path} is not UTF-8 (byte {raw[error.start]:#04x} at offset {error.start}) and its "
                f"encoding cannot be guessed. Name it, as in {_encoding(key)}=cp1252; or, for a language model, "
                "read bytes: data.level=byte."
            ) from error
        log.warning("%s is not UTF-8; reading it as %s (%s= changes that)", path, best.encoding, _encoding(key))
        return best.decoded, best.encoding


def _decode_cut(raw: bytes) -> str | None:
    """Decode UTF-8 that was cut inside its first or last character; None if it is none, or has ASCII alone."""
    whole = raw[:3].lstrip(bytes(range(0x80, 0xC0))) + raw[3:]
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(whole)
    except UnicodeDecodeError:
        return None
    return None if text.isascii() else text


class _Guess(NamedTuple):
    decoded: str
    encoding: str


def _guess(raw: bytes) -> _Guess | None:
    """Guess an encoding; single accented letters among ASCII ones rule out Chinese and Japanese.

    cp1252 is preferred if it fits as well as the best guess.
    """
    from charset_normalizer import from_bytes

    runs = re.findall(rb"[\x80-\xff]+", raw[: 1 << 20])
    alone = sum(len(run) == 1 for run in runs) >= 0.8 * len(runs)
    matches = list(from_bytes(raw, cp_isolation=list(ONE_BYTE) if alone else None))
    if not matches:
        return None
    western = next((match for match in matches if "cp1252" in match.could_be_from_charset), matches[0])
    if western.chaos <= matches[0].chaos and "cp1252" in western.could_be_from_charset:
        return _Guess(str(western), "cp1252")
    return _Guess(str(matches[0]), matches[0].encoding)


def _refuse_binary(raw: bytes, path: str, key: str) -> None:
    head = raw[: 1 << 16]
    controls = sum(byte < 32 and byte not in TEXT_CONTROLS for byte in head)
    if 0 in head or controls > 0.02 * len(head):
        place = next(index for index, byte in enumerate(head) if byte < 32 and byte not in TEXT_CONTROLS)
        raise DataError(
            f"{key}: {path} looks binary (byte {head[place]:#04x} at offset {place}). Expected plain text. Name its "
            f"encoding, as in {_encoding(key)}=utf-16-le; or, for a language model, read it as bytes: "
            f"data.level=byte. {sequences_hint(Path(path))}".rstrip()
        )


def _decode_as(raw: bytes, encoding: str, path: str, key: str) -> str:
    option = _encoding(key)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # unicode_escape warns of invalid escapes
            return raw.decode(encoding)
    except LookupError as error:
        known = {name.replace("_", "-") for name in aliases.values()}
        allowed = "auto or a text encoding of Python such as utf-8, latin-1, cp1252, utf-16"
        raise ConfigError(option, encoding, allowed, nearest(encoding, known)) from error
    except (UnicodeError, DeprecationWarning) as error:
        where = ""
        if isinstance(error, UnicodeDecodeError):
            line = raw.count(b"\n", 0, error.start) + 1
            where = f": byte {raw[error.start]:#04x} at offset {error.start}, line {line}"
        raise DataError(
            f"{key}: {path} is not {encoding}{where or f': {error}'}. "
            f"Name its encoding with {option}=, or leave it to {option}=auto."
        ) from error
