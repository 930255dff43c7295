"""Bytes of public files: from the mirror, else from the cache, else from the network; always checked by sha256.

A mirror is a folder of local copies, `<mirror>/<data set>/<file>`, which may be gzipped (`<file>.gz`). Downloads are
kept in the same layout under `<cache>/downloads`. A copy with a wrong digest is an error: it is neither used nor
replaced.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import queue
import tempfile
import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from gru_bench.errors import DataError, DataUnavailable

CONNECT_SECONDS = 4.0
ANSWER_SECONDS = 8.0  # DNS look-up, all addresses and the first response together
STALL_SECONDS = 30.0
MOST_OVERLONG = 2  # times the expected size; a longer download is aborted before it fills the disk
INSTEAD = (
    "Or train on a generated set, which needs no file: data=reber or data=python_source (language modelling), "
    "data=sentiment_grammar (sentiment), data=mackey_glass (time series), data=adding (memory), data=canon (music), "
    "data=strokes (classification), data=phase_break (anomaly), data=agreement (tagging), "
    "data=tones (speech), data=distraction (conversation), "
    "data=moving_shapes (captioning)."
)


@dataclass(frozen=True)
class RemoteFile:
    """A public file.

    Attributes:
        path: path in a mirror, as in `ptb/ptb.train.txt`.
        url: address of the unpacked file; empty: a repacked archive, which is in mirrors and not on the web.
        size: length of the unpacked file in bytes.
        sha256: accepted digests of the unpacked file; upstream's first, then those of repacked copies.
        packed_sha256: accepted digests of `<path>.gz`; without any, only the unpacked bytes are checked.
        copies: equivalent files; they are accepted in the mirror and the cache, and never downloaded.
    """

    path: str
    url: str
    size: int
    sha256: tuple[str, ...]
    packed_sha256: tuple[str, ...] = ()
    copies: tuple[RemoteFile, ...] = ()


def fetch(files: Mapping[str, RemoteFile], mirror: Path | None, cache: Path) -> dict[str, bytes]:
    """Return the unpacked and checked bytes of all files, under the same names.

    Args:
        files: the files, by name.
        mirror: the folder of local copies, or None.
        cache: the folder that contains `downloads`.

    Raises:
        DataError: a copy is damaged or unreadable.
        DataUnavailable: files are missing and cannot be downloaded (reported within 10 s if there is no network); the
            message lists their addresses and where to put them. Or the cache cannot be written.
    """
    contents = {name: _find_copy(file, mirror, cache) for name, file in files.items()}
    for name, file in files.items():
        if contents[name] is None:
            try:
                contents[name] = _download(file, cache)
            except ConnectionError as error:
                missing = [other for key, other in files.items() if contents[key] is None]
                raise DataUnavailable(_how_to_get(missing, mirror, cache, str(error))) from error
    return {name: content for name, content in contents.items() if content is not None}


def _find_copy(file: RemoteFile, mirror: Path | None, cache: Path) -> bytes | None:
    folders = [folder for folder in (mirror, cache / "downloads") if folder is not None]
    for folder in folders:
        for copy in (file, *file.copies):
            plain, packed = folder / copy.path, folder / f"{copy.path}.gz"
            if _exists(plain):
                content = _read(plain)
                _check(content, copy.sha256, plain)
                return content
            if _exists(packed):
                content = _read(packed)
                if copy.packed_sha256:
                    _check(content, copy.packed_sha256, packed)
                return _unpack(content, copy, packed)
    return None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise DataError(f"cannot look for {path}: {error.strerror}. Make its folder readable.") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}. Make it a readable file.") from error


def _check(content: bytes, accepted: tuple[str, ...], place: Path | str) -> None:
    digest = hashlib.sha256(content).hexdigest()
    if digest not in accepted:
        raise DataError(
            f"{place} is not the expected file: found sha256 {digest} ({len(content):,} bytes), expected "
            f"{' or '.join(accepted)}. It was not used and not replaced; delete or replace it, then try again."
        )


def _unpack(content: bytes, file: RemoteFile, place: Path) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            unpacked = stream.read(file.size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{place} cannot be unpacked as gzip: {error}. Delete or replace it, then try again."
        ) from error
    _check(unpacked, file.sha256, f"{place}, unpacked,")
    return unpacked


def _how_to_get(missing: list[RemoteFile], mirror: Path | None, cache: Path, reason: str) -> str:
    lines = [f"{len(missing)} file(s) are neither in the mirror nor in the cache, and the download failed: {reason}."]
    lines.append("Download on a machine with internet access, then copy to:")
    target = mirror if mirror is not None else cache / "downloads"
    for file in missing:
        source = file.url or "a repacked archive, which is in mirrors and not on the web"
        lines.append(f"  {source}\n    -> {target / file.path} ({file.size:,} bytes, sha256 {file.sha256[0]})")
    where = "none is set; paths.mirror=DIR or the variable GRU_BENCH_MIRROR sets one" if mirror is None else str(mirror)
    lines.append(f"Mirror: {where}. Cache: {cache}.")
    lines.append(INSTEAD)
    return "\n".join(lines)


def _download(file: RemoteFile, cache: Path) -> bytes:
    """Download to a temporary name in the cache, check, rename.

    Raises:
        ConnectionError: the file cannot be downloaded.
        DataError: the download has the wrong content.
        DataUnavailable: the cache cannot be written.
    """
    import requests

    if not file.url:
        raise ConnectionError(f"{file.path} is not on the web")
    target = cache / "downloads" / file.path
    response = _open(file.url)
    with response:
        if response.status_code != 200:
            raise ConnectionError(f"{file.url} answered {response.status_code} {response.reason}")
        temporary: Path | None = None
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
            temporary = Path(name)
            with os.fdopen(handle, "wb") as stream:
                _copy(response, stream, file)
            content = temporary.read_bytes()
            _check(content, file.sha256, f"the response of {file.url}")
            os.replace(temporary, target)
            temporary = None
        except requests.RequestException as error:
            raise ConnectionError(f"the transfer of {file.url} broke off: {_reason(error)}") from error
        except OSError as error:
            raise DataUnavailable(cannot_write(cache, error)) from error
        finally:
            if temporary is not None:
                temporary.unlink(missing_ok=True)
    return content


def cannot_write(cache: Path, error: OSError) -> str:
    """Return the message for a cache that cannot be written."""
    reason = error.strerror or str(error)
    return f"cannot write to the cache {cache}: {reason}. Free some space or choose another folder: paths.cache=DIR."


def _open(url: str) -> Any:
    """Begin a GET within `ANSWER_SECONDS`; no timeout of the libraries covers DNS look-up and several addresses."""
    import requests

    answer: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def get() -> None:
        try:
            headers = {"Accept-Encoding": "identity"}
            answer.put(requests.get(url, stream=True, timeout=(CONNECT_SECONDS, STALL_SECONDS), headers=headers))
        except Exception as error:
            answer.put(error)

    threading.Thread(target=get, name="download", daemon=True).start()
    try:
        result = answer.get(timeout=ANSWER_SECONDS)
    except queue.Empty:
        raise ConnectionError(f"{url} did not answer within {ANSWER_SECONDS:g} s") from None
    if isinstance(result, Exception):
        raise ConnectionError(f"{url}: {_reason(result)}") from result
    return result


def _reason(error: BaseException) -> str:
    """Return the message of the innermost exception; the outer ones of the network libraries repeat addresses."""
    inner: BaseException | None = error
    while inner is not None:
        error = inner
        inner = inner.__cause__ or inner.__context__
    return str(error) or type(error).__name__


def _copy(response: Any, stream: IO[bytes], file: RemoteFile) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task(f"downloading {file.path}", total=file.size)
        for chunk in response.iter_content(1 << 16):
            stream.write(chunk)
            progress.advance(bar, len(chunk))
            if stream.tell() > MOST_OVERLONG * file.size:
                raise DataError(
                    f"{file.url} sent more than {MOST_OVERLONG} times the expected {file.size:,} bytes; none was kept."
                )
