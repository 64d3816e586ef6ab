"""A drawing as SVG, which stands by itself: no font, script or file is fetched.

In: a `Drawing`. Out: text. Equal drawings give equal bytes.
"""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from .drawing import Drawing
from .families import FAMILIES
from .scene import Drawn, Scene

FONT = "'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif"
MONO = "'SF Mono', Consolas, 'DejaVu Sans Mono', monospace"

STYLE = f"""
text {{ font-family: {FONT}; font-size: 13px; fill: #1d252e; }}
.ground {{ fill: #ffffff; }}
.heading {{ font-size: 18px; font-weight: 600; }}
.note {{ font-size: 12px; fill: #5a6672; }}
.title {{ font-weight: 600; text-anchor: middle; }}
.subtitle {{ font-size: 11px; fill: #4b5763; text-anchor: middle; }}
.size {{ font-family: {MONO}; font-size: 11px; fill: #5a6672; }}
.name {{ font-size: 12px; font-weight: 600; fill: #55606b; }}
.frame {{ fill: #8a94a0; fill-opacity: 0.07; stroke: #aeb6bf; stroke-dasharray: 5 3; }}
.edge, .line, .past {{ fill: none; stroke: #7d8894; stroke-width: 1.4; }}
.around {{ stroke-opacity: 0.75; }}
.far {{ stroke-opacity: 0.28; }}
.dashed {{ fill: none; stroke: #2f72c9; stroke-width: 1.4; stroke-dasharray: 4 3; }}
.badge {{ fill: #1d252e; }}
.badge-text {{ fill: #ffffff; font-size: 11px; font-weight: 600; text-anchor: middle; }}
.join {{ fill: #ffffff; stroke: #7d8894; stroke-width: 1.4; }}
.join-text {{ font-size: 14px; text-anchor: middle; }}
.legend {{ font-size: 12px; }}
"""


def to_svg(drawing: Drawing) -> str:
    """The picture; each box is a group that knows its number, for scripts to find it."""
    width, height = round(drawing.width), round(drawing.height)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label={quoteattr(drawing.name)}>',
        f"<title>{escape(drawing.name)}</title>",
        f"<style>{STYLE}{_family_style()}</style>",
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0.5 L7.5 4 L0 7.5 z" fill="#7d8894"/></marker>'
        "</defs>",
        f'<rect class="ground" width="{width}" height="{height}"/>',
    ]
    for heading in drawing.headings:
        x, y = _n(heading.x), _n(heading.y)
        parts.append(f'<text class="heading" x="{x}" y="{y}">{escape(heading.text)}</text>')
        parts.append(
            f'<text class="note" x="{x}" y="{_n(heading.y + 20)}">{escape(heading.note)}</text>'
        )
    parts += _elements(drawing.scene)
    parts += _legend(drawing)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _elements(scene: Scene) -> list[str]:
    """Frames lie below lines, lines below boxes."""
    order = {"frame": 0, "edge": 1, "around": 1, "far": 1, "line": 1, "past": 1, "dashed": 1}
    ranked = sorted(scene.elements, key=lambda each: order.get(each.kind, 2))
    return [_element(each) for each in ranked]


def _element(each: Drawn) -> str:
    x, y = _n(each.x), _n(each.y)
    link = f' data-number="{each.number}"' if each.number >= 0 else ""
    match each.kind:
        case "box":
            return (
                f'<rect class="box {each.family}"{link} x="{x}" y="{y}" width="{_n(each.width)}" '
                f'height="{_n(each.height)}" rx="7"/>'
            )
        case "frame":
            return (
                f'<rect class="frame"{link} x="{x}" y="{y}" width="{_n(each.width)}" '
                f'height="{_n(each.height)}" rx="10"/>'
            )
        case "edge":
            a = [_n(point) for point in each.points]
            path = f"M{x} {y} L{a[0]} {a[1]} C{a[2]} {a[3]} {a[4]} {a[5]} {a[6]} {a[7]}"
            return f'<path class="edge" d="{path}" marker-end="url(#arrow)"/>'
        case "around" | "far":
            a = [_n(point) for point in each.points]
            path = f"M{a[0]} {a[1]} C{a[2]} {a[3]} {a[4]} {a[5]} {a[6]} {a[7]}"
            return f'<path class="edge {each.kind}" d="{path}" marker-end="url(#arrow)"/>'
        case "dashed":
            a = [_n(point) for point in each.points]
            path = f"M{a[0]} {a[1]} C{a[2]} {a[3]} {a[4]} {a[5]} {a[6]} {a[7]}"
            return f'<path class="dashed" d="{path}" marker-end="url(#arrow)"/>'
        case "line" | "past":
            a = [_n(point) for point in each.points]
            pairs = [f"{a[i]} {a[i + 1]}" for i in range(0, len(a), 2)]
            return f'<path class="{each.kind}" d="M{" L".join(pairs)}"/>'
        case "badge":
            return (
                f'<rect class="badge" x="{_n(each.x - 26)}" y="{y}" width="{_n(each.width)}" '
                f'height="{_n(each.height)}" rx="9"/><text class="badge-text" '
                f'x="{_n(each.x - 26 + each.width / 2)}" y="{_n(each.y + 13)}">'
                f"{escape(each.text)}</text>"
            )
        case "join":
            return (
                f'<circle class="join" cx="{x}" cy="{y}" r="8"/>'
                f'<text class="join-text" x="{x}" y="{_n(each.y + 5)}">{each.text}</text>'
            )
        case _:
            return f'<text class="{each.kind}"{link} x="{x}" y="{y}">{escape(each.text)}</text>'


def _legend(drawing: Drawing) -> list[str]:
    parts = []
    top = drawing.height - 24 * ((len(drawing.families) + 3) // 4) - 6
    for index, family in enumerate(drawing.families):
        x, y = 36 + 210 * (index % 4), top + 24 * (index // 4)
        parts.append(
            f'<rect class="box {family.key}" x="{_n(x)}" y="{_n(y - 11)}" width="16" height="13" '
            f'rx="3"/><text class="legend" x="{_n(x + 23)}" y="{_n(y)}">{family.title}</text>'
        )
    return parts


def _family_style() -> str:
    return "".join(
        f".{each.key} {{ fill: {each.fill}; stroke: {each.line}; stroke-width: 1.2; }}\n"
        for each in FAMILIES.values()
    )


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
