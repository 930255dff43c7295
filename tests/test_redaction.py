from __future__ import annotations

import io
import logging

import pytest

from gru_bench.redaction import Redaction, redacted

KEY = "0123456789abcdef" * 2


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("HF_TOKEN", "hf_planted_token")
    monkeypatch.setenv("SHORT_TOKEN", "reber")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"key {KEY} and hf_planted_token", "key *** and ***"),
        ("W&B: https://me:pass@host.example/team/run", "W&B: https://***@host.example/team/run"),
        ("proxy 'http://me@127.0.0.1:9' refused", "proxy 'http://***@127.0.0.1:9' refused"),
        ("mail me@host.example, see https://host.example/@me", "mail me@host.example, see https://host.example/@me"),
        ("data=reber", "data=reber"),
    ],
)
def test_what_opens_doors_is_hidden(text: str, expected: str):
    assert redacted(text) == expected


def test_messages_of_a_handler():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(Redaction())
    logger = logging.Logger("test")
    logger.addHandler(handler)
    logger.info("key %s of %d", KEY, 3)
    assert stream.getvalue() == "key *** of 3\n"
