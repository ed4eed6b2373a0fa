"""MathJax beside the pages, so that formulas can be read without a connection.

The files come from the package sphinx-mathjax-offline, of which a page needs one script and the
fonts. Its own extension would copy all of it, twenty megabytes a language.
"""

import shutil
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from sphinx.util import logging

PACKAGE = "sphinx-mathjax-offline"
SCRIPT = "tex-chtml-full.js"  # all of TeX's packages in one file: nothing is loaded later
FONTS = "output/chtml/fonts/woff-v2"

log = logging.getLogger(__name__)


def bundle():
    """The folder of MathJax in the installed package, or None."""
    try:
        found = files(PACKAGE) or ()
    except PackageNotFoundError:
        return None
    scripts = [Path(one.locate()) for one in found if one.name == SCRIPT]
    return scripts[0].parent if scripts else None


def copy(app, exception):
    if exception is None and app.builder.format == "html":
        target = Path(app.outdir) / "_static" / "mathjax"
        shutil.copytree(bundle() / FONTS, target / FONTS, dirs_exist_ok=True)
        shutil.copy(bundle() / SCRIPT, target / SCRIPT)


def setup(app):
    if bundle() is None:
        log.info("%s is not installed: the pages take MathJax from the web", PACKAGE)
    else:
        app.config.mathjax_path = f"mathjax/{SCRIPT}"
        app.connect("build-finished", copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
