import dataclasses
import gzip
import hashlib
import socket
import subprocess
import sys
import time

import pytest

from gru_bench.data.files import download
from gru_bench.data.files.download import RemoteFile, fetch
from gru_bench.errors import DataError, DataUnavailable
from tests.data.loopback import serve

CONTENT = b"to be or not to be\n" * 5000
DEAD_END = "http://127.0.0.1:9/a.txt"  # nobody listens there


@pytest.fixture(autouse=True)
def _direct(monkeypatch):
    """Reach the loopback server without a proxy, whatever this machine uses."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")


def sha(content):
    return hashlib.sha256(content).hexdigest()


def remote(url=DEAD_END, packed=()):
    return RemoteFile("set/a.txt", url, len(CONTENT), (sha(CONTENT),), packed)


def put(folder, name, content):
    place = folder / "set" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return place


def get(tmp_path, file=None):
    mirror = tmp_path / "mirror"
    return fetch({"a": file or remote()}, mirror if mirror.exists() else None, tmp_path / "cache")["a"]


def test_the_mirror_comes_before_the_cache(tmp_path):
    put(tmp_path / "mirror", "a.txt", CONTENT)
    put(tmp_path / "cache" / "downloads", "a.txt", b"wrong, but never looked at")
    assert get(tmp_path) == CONTENT


def test_the_cache_comes_before_the_network(tmp_path):
    (tmp_path / "mirror").mkdir()
    put(tmp_path / "cache" / "downloads", "a.txt", CONTENT)
    assert get(tmp_path) == CONTENT


def test_a_packed_copy_is_unpacked(tmp_path):
    packed = gzip.compress(CONTENT, mtime=0)
    put(tmp_path / "mirror", "a.txt.gz", packed)
    assert get(tmp_path, remote(packed=(sha(packed),))) == CONTENT
    assert get(tmp_path, remote()) == CONTENT


def test_a_repacked_digest_stands_beside_upstreams(tmp_path):
    put(tmp_path / "mirror", "a.txt", b"repacked")
    file = RemoteFile("set/a.txt", DEAD_END, 8, (sha(CONTENT), sha(b"repacked")))
    assert get(tmp_path, file) == b"repacked"


@pytest.mark.parametrize("place", ["mirror", "cache/downloads"])
def test_a_wrong_copy_is_an_error_and_stays(tmp_path, place):
    copy = put(tmp_path / place, "a.txt", b"something else")
    with pytest.raises(DataError) as caught:
        get(tmp_path)
    for part in (str(copy), sha(b"something else"), sha(CONTENT), "14 bytes", "delete or replace it"):
        assert part in str(caught.value)
    assert caught.value.exit_code == 2
    assert copy.read_bytes() == b"something else"


def test_a_wrong_packed_copy_is_an_error(tmp_path):
    put(tmp_path / "mirror", "a.txt.gz", gzip.compress(b"other", mtime=0))
    with pytest.raises(DataError, match=r"a\.txt\.gz is not the expected file"):
        get(tmp_path, remote(packed=("00",)))
    with pytest.raises(DataError, match=rf"a\.txt\.gz, unpacked, .* found sha256 {sha(b'other')}"):
        get(tmp_path, remote())


def test_a_damaged_packed_copy_is_an_error(tmp_path):
    put(tmp_path / "mirror", "a.txt.gz", gzip.compress(CONTENT)[:-20])
    with pytest.raises(DataError, match="cannot be unpacked as gzip"):
        get(tmp_path)


def test_an_unreadable_copy_is_an_error(tmp_path):
    (tmp_path / "mirror" / "set" / "a.txt").mkdir(parents=True)
    with pytest.raises(DataError, match=r"cannot read .*a\.txt: Is a directory"):
        get(tmp_path)


def test_network_download_shows_progress_and_is_kept(tmp_path, capsys):
    with serve({"/a.txt": CONTENT}) as (address, asked):
        file = remote(f"{address}/a.txt")
        assert get(tmp_path, file) == CONTENT
        assert get(tmp_path, file) == CONTENT
    assert asked == ["/a.txt"]
    assert (tmp_path / "cache/downloads/set/a.txt").read_bytes() == CONTENT
    shown = capsys.readouterr()
    assert "downloading set/a.txt" in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    ("served", "truncate", "reason"),
    [
        ({}, 0, "404 Not Found"),
        ({"/a.txt": CONTENT}, 100, "broke off"),
    ],
)
def test_a_failing_network_says_what_to_fetch_and_where_to_put_it(tmp_path, served, truncate, reason):
    (tmp_path / "mirror").mkdir()
    with serve(served, truncate) as (address, _), pytest.raises(DataUnavailable) as caught:
        get(tmp_path, remote(f"{address}/a.txt"))
    target = str(tmp_path / "mirror" / "set" / "a.txt")
    for part in (reason, f"{address}/a.txt", target, sha(CONTENT), "data=reber", "data=python_source"):
        assert part in str(caught.value)
    assert caught.value.exit_code == 1  # the same command may succeed later
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


def test_wrong_bytes_from_the_network_are_not_kept(tmp_path):
    with serve({"/a.txt": b"<html>log in first</html>"}) as (address, _):
        with pytest.raises(DataError, match=f"found sha256 .* expected {sha(CONTENT)}"):
            get(tmp_path, remote(f"{address}/a.txt"))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_body_without_end_is_given_up(tmp_path):
    with serve({"/a.txt": CONTENT * 3}) as (address, _):
        with pytest.raises(DataError, match=rf"sent more than 2 times the expected {len(CONTENT):,} bytes"):
            get(tmp_path, remote(f"{address}/a.txt"))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_refused_port_fails_at_once_and_names_every_absent_file(tmp_path):
    put(tmp_path / "cache" / "downloads", "b.txt", CONTENT)
    files = {name: RemoteFile(f"set/{name}.txt", DEAD_END, 1, (sha(CONTENT),)) for name in "abc"}
    start = time.monotonic()
    with pytest.raises(DataError, match="2 file\\(s\\) are neither") as caught:
        fetch(files, None, tmp_path / "cache")
    assert time.monotonic() - start < 5
    for part in ("set/a.txt", "set/c.txt", "Connection refused", "GRU_BENCH_MIRROR"):
        assert part in str(caught.value)
    assert "set/b.txt" not in str(caught.value)


def test_a_silent_server_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "ANSWER_SECONDS", 0.2)
    with serve({"/a.txt": CONTENT}, silence=1.0) as (address, _), pytest.raises(DataError, match=r"within 0\.2 s"):
        get(tmp_path, remote(f"{address}/a.txt"))


def test_a_hanging_name_look_up_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(1.0))
    with pytest.raises(DataError, match="did not answer"):
        get(tmp_path, remote("http://unreachable.invalid/a.txt"))
    time.sleep(1.0)  # the look-up must end before its patch does


def test_patience_leaves_room_within_ten_seconds():
    assert download.ANSWER_SECONDS + 1 < 10


def test_an_unwritable_cache_names_the_setting(tmp_path):
    (tmp_path / "cache").write_text("a file, not a folder")
    with serve({"/a.txt": CONTENT}) as (address, _):
        with pytest.raises(DataUnavailable, match=r"cannot write to the cache .*paths\.cache=DIR"):
            get(tmp_path, remote(f"{address}/a.txt"))


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path):
    """A limit on the size of files makes real writes fail as a full disk does."""
    code = f"""
import resource, sys
from pathlib import Path
from gru_bench.data.files.download import RemoteFile, fetch
from gru_bench.errors import DataError
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    fetch({{"a": RemoteFile("set/a.txt", sys.argv[1], {len(CONTENT)}, ("{sha(CONTENT)}",))}}, None, Path(sys.argv[2]))
except DataError as error:
    print(error)
"""
    with serve({"/a.txt": CONTENT}) as (address, _):
        command = [sys.executable, "-c", code, f"{address}/a.txt", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "cannot write to the cache" in done.stdout, done.stderr
    assert "File too large" in done.stdout
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_copy_serves_where_the_file_is_absent(tmp_path):
    copy = RemoteFile("set/copy.txt", "", 4, (sha(b"copy"),))
    file = dataclasses.replace(remote(DEAD_END), copies=(copy,))
    put(tmp_path / "mirror", "copy.txt", b"copy")
    assert get(tmp_path, file) == b"copy"
    put(tmp_path / "mirror", "a.txt", CONTENT)
    assert get(tmp_path, file) == CONTENT
    put(tmp_path / "mirror", "copy.txt", b"other")
    (tmp_path / "mirror/set/a.txt").unlink()
    with pytest.raises(DataError, match=r"copy\.txt is not the expected file"):
        get(tmp_path, file)
