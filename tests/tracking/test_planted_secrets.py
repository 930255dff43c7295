"""Keys and passwords of the environment reach nothing that a run, a report or W&B keeps or shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from fake_wandb_server import serve

from gru_bench import errors
from tests.training.support import SMALL, Outcome

ROOT = Path(errors.__file__).parents[1]
PLANTED = {
    "WANDB_API_KEY": "plantedkey" * 4,
    "HF_TOKEN": "planted-token-of-a-hub",
    "AWS_SECRET_ACCESS_KEY": "planted/secret/of/a/cloud",
    "DB_PASSWORD": "planted password of a table",
}
PASSWORD = "planted-password-in-an-address"


def command(module: str, *arguments: str, cwd: Path, **variables: str) -> Outcome:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=cwd,
        env=kept | {"HOME": str(cwd / "home"), "PYTHONPATH": str(ROOT)} | PLANTED | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def leaks(content: bytes) -> list[str]:
    return [secret for secret in (*PLANTED.values(), PASSWORD) if secret.encode() in content]


def test_no_secret_is_written_or_shown(tmp_path: Path):
    settings = [setting for setting in SMALL if setting != "tracker=none"]
    with serve() as received:
        address = received.url.replace("http://", f"http://me:{PASSWORD}@")
        proxy = {"HTTPS_PROXY": f"http://me:{PASSWORD}@127.0.0.1:9"}
        trained = command("gru_bench.train", *settings, cwd=tmp_path, WANDB_BASE_URL=address, **proxy)
    reported = command("gru_bench.report", "runs_csv=runs.csv", cwd=tmp_path)
    refused = command("gru_bench.train", f"paths.mirror='https://me:{PASSWORD}@host.example'", cwd=tmp_path)
    assert (trained.code, reported.code, refused.code) == (0, 0, 2), trained.err + reported.err + refused.err
    assert "https://***@host.example" in refused.err
    assert received.errors == []
    for said in (trained, reported, refused):
        assert leaks((said.out + said.err).encode()) == []
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name for path in written} >= {"record.json", "config.yaml", "log.txt", "report.html", "debug.log"}
    assert {str(path): found for path in written if (found := leaks(path.read_bytes()))} == {}
    sent = json.dumps([received.operations, received.runs, received.streamed]).encode()
    assert len(received.runs) == 1
    assert leaks(sent + b"".join(received.uploads.values())) == []
