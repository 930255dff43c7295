"""The name of data that settings have changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def with_change(facts: Mapping[str, Any], name: str, change: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of changed data: what was changed stands under `name`, and enters the digest.

    Args:
        facts: of the data before, with its `digest`.
        name: the setting that changed it.
        change: plain values that, with the data before, decide what it is now.
    """
    state = hashlib.sha256(json.dumps([facts["digest"], name, dict(change)], sort_keys=True).encode())
    return {**facts, "digest": state.hexdigest(), name: dict(change)}
