"""Charts as PNG."""

from importlib.resources import files

import resvg_py

FONTS = [str(files("font_lato").joinpath("files", f"Lato-{weight}.ttf")) for weight in ("Regular", "Bold")]


def render_png(svg: str, width: int = 1120) -> bytes:
    """A PNG of an SVG on white. `width`: in pixels. Raises ValueError if `svg` is not an SVG."""
    return resvg_py.svg_to_bytes(
        svg_string=svg,
        width=width,
        background="#ffffff",
        skip_system_fonts=True,
        font_files=FONTS,
        font_family="Lato",
    )
