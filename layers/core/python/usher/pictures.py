"""Charts as PNG."""

from typing import cast

import font_lato
import resvg_py

FONTS = [font_lato.font_files["Lato"], font_lato.font_files["LatoBold"]]


def png(svg: str, width: int = 1120) -> bytes:
    """A picture of an SVG, so many pixels wide, on white. Raises ValueError if it is none."""
    return cast(
        bytes,
        resvg_py.svg_to_bytes(
            svg_string=svg,
            width=width,
            background="#ffffff",
            skip_system_fonts=True,
            font_files=FONTS,
            font_family="Lato",
        ),
    )
