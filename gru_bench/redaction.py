"""Keep what opens doors out of logs, messages and records: keys of the environment, and passwords in addresses."""

from __future__ import annotations

import logging
import os
import re

HIDDEN = "***"
SHORTEST = 8  # characters; shorter values of such variables are words that stand in messages for other reasons

_SECRET = re.compile(r"(?:^|_)(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)(?:_|$)", re.IGNORECASE)
_LOGIN = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s'\"@]+@", re.IGNORECASE)


def redacted(text: str) -> str:
    """Return a text without the values of variables such as WANDB_API_KEY, and without logins in addresses."""
    values = {value for name, value in os.environ.items() if _SECRET.search(name) and len(value) >= SHORTEST}
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return _LOGIN.sub(rf"\1{HIDDEN}@", text)


class Redaction(logging.Filter):
    """Takes secrets out of every message of a handler."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the message; it is always let through."""
        record.msg, record.args = redacted(record.getMessage()), ()
        return True
