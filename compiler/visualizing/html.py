"""A drawing as a page to look around in: one file, from which no request leaves.

In: a `Drawing`. Out: HTML with the picture, its figures as JSON, and the script that links both
sides, moves, searches and tells.
"""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files

from .drawing import Drawing
from .families import FAMILIES
from .svg import to_svg


def to_html(drawing: Drawing) -> str:
    """The page. Equal drawings give equal bytes."""
    told = [
        {"scope": each.scope, "places": each.places, "facts": dict(each.facts), "side": each.side}
        for each in drawing.scene.told
    ]
    # `</` would end the script.
    data = json.dumps(told, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    folder = files(__package__)
    page = folder.joinpath("page.html").read_text("utf-8")
    script = folder.joinpath("page.js").read_text("utf-8")
    dark = "".join(f".box.{each.key} {{ fill: {each.dark}; }}\n" for each in FAMILIES.values())
    parts = {
        "TITLE": escape(drawing.name),
        "DARK": dark,
        "PICTURE": to_svg(drawing),
        "DATA": data,
        "SCRIPT": script,
    }
    for name, content in parts.items():
        page = page.replace(f"@{name}@", content)
    return page
