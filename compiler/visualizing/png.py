"""A picture as pixels.

In: SVG text. Out: the bytes of a PNG file.
"""

from __future__ import annotations

from ...ir.diagnostic import failure


def to_png(svg: str, scale: float) -> bytes:
    """The picture, `scale` pixels for each of its units.

    Raises `CompileError` E0528 where the renderer is not installed.
    """
    try:
        import resvg_py
    except ImportError as error:
        raise failure(
            "E0528",
            "PNG pictures need a renderer that is not installed (resvg-py)",
            help='pip install "neuralc[png]", or write .svg',
        ) from error
    width = float(svg.split('width="', 1)[1].split('"', 1)[0])
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, width=max(1, round(width * scale))))
