"""One HTML file that needs nothing but itself: no network, no other file, no library.

Everything that a user could have named reaches a page escaped, and its content security policy allows the style and
the script of this package alone, by their digests.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Cell:
    """One cell of a table: its text, what it is sorted by, and how it looks."""

    text: str
    sort: float | int | str | None = None
    look: str = ""


@dataclass(frozen=True)
class Picture:
    """A picture that a page holds itself."""

    source: str  # a data URI
    title: str
    alt: str
    wide: bool = False  # more than twice as wide as high: it needs the whole line


def render(template: Path, style: str = "", **content: Any) -> str:
    """Return a page.

    Args:
        template: extends `document.html.jinja` and may use `macros.html.jinja`.
        style: CSS beside that of all pages; ours, not the user's.
        **content: `title` and `facts` of all pages, and what the template names; escaped.
    """
    environment = Environment(
        loader=FileSystemLoader([template.parent, _HERE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = (_HERE / "page.css").read_text(encoding="utf-8") + "\n" + style, _script()
    return environment.get_template(template.name).render(
        style=Markup(style),  # ours, as the script; everything else is escaped
        script=Markup(script),
        policy=f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'",
        **content,
    )


def data_uri(content: bytes, kind: str) -> str:
    """Return a file's bytes as an address that holds them.

    Args:
        content: the bytes.
        kind: the media type, such as `image/png`.
    """
    return f"data:{kind};base64," + base64.b64encode(content).decode()


def _script() -> str:
    return (_HERE / "page.js").read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
