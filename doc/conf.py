"""Sphinx configuration: API pages from the docstrings, the gallery from ../examples."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

from docutils import nodes

from skdeep._documentation import ADDRESS

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

import course_gallery
from source_links import REPOSITORY
from source_links import linkcode_resolve as linkcode_resolve  # Sphinx looks for it here

project = "skdeep"
author = "skdeep developers"
copyright = "2026, skdeep developers"
release = version = installed_version("scikit-deep")

extensions = [
    "myst_parser",  # for the changelog
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.extlinks",
    "sphinx.ext.linkcode" if REPOSITORY else "sphinx.ext.viewcode",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    # doc/_extensions
    "bundled_math",
    "chinese_site",  # after the gallery, whose run it stops
]
templates_path = ["_templates"]
exclude_patterns = [
    "_build",
    "_templates",
    "locale",
    "**/README.md",
    "**/sg_execution_times.rst",
    "sg_execution_times.rst",
]

# The Chinese site is this one with `-D language=zh_CN`; doc/locale/README.md says how it is kept.
locale_dirs = ["locale"]
gettext_compact = False  # a catalog for each page
gettext_uuid = False
gettext_location = False

# scikit-learn's docstrings, some of which skdeep inherits, put code in single backticks.
default_role = "literal"

smartquotes = False  # 'relu' and "relu" are typed as they stand

autosummary_generate = True
toc_object_entries_show_parents = "hide"
autodoc_typehints = "none"  # numpydoc's sections give the types
extlinks = {  # as in scikit-learn's docstrings
    "arxiv": ("https://arxiv.org/abs/%s", "arXiv:%s"),
    "doi": ("https://doi.org/%s", "doi:%s"),
}
numpydoc_show_class_members = False  # _templates/autosummary/class.rst lists them
viewcode_line_numbers = True

# What is copied is what was typed: no prompts, and no output.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"

# What an example has to keep to, and the order of them all, is in _extensions/course_gallery.py.
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "subsection_order": [f"../examples/{section}" for section in course_gallery.ORDER],
    "within_subsection_order": "course_gallery.CourseOrder",
    "filename_pattern": r"/plot_",
    "abort_on_example_error": True,
    "image_scrapers": ("course_gallery.check_figures", "matplotlib"),
    "reset_modules": (
        "matplotlib",
        "course_gallery.colours_for_all",
        "course_gallery.warnings_are_errors",
    ),
    "reset_modules_order": "both",
    "show_memory": False,
    "remove_config_comments": True,
}
# What the rest of the site needs of the gallery.
sphinx_gallery_conf |= {
    # "Examples that use it" on the pages of the API.
    "doc_module": ("skdeep",),
    "backreferences_dir": "generated/backreferences",
    "inspect_global_variables": False,
    # Times differ from machine to machine, and would be messages to translate.
    "min_reported_time": float("inf"),
    "show_signature": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "skdeep"
html_baseurl = ADDRESS
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system is
html_favicon = "_static/logo.svg"
html_theme_options = {
    "logo": {
        "image_light": "_static/logo.svg",
        "image_dark": "_static/logo-dark.svg",
        "alt_text": "skdeep",
        "text": "skdeep",
    },
    "navbar_end": ["language-switch", "theme-switcher"],
    "navbar_persistent": ["search-button"],
    "header_links_before_dropdown": 6,
    "github_url": REPOSITORY,
    "show_prev_next": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
# Pages without others below or beside them have nothing to list at their left.
html_sidebars = {
    page: []
    for page in (
        "index",
        "install",
        "tutorial",
        "benchmarks",
        "changelog",
        "project/versions",
        "search",
    )
}

GLOSSARY = "https://scikit-learn.org/stable/glossary.html"


def resolve_in_scikit_learn(app, env, node, contnode):
    """Let API pages use scikit-learn's glossary, and inherit docstrings with its own labels.

    Terms become links. A label can only be resolved on its own site, so it stays plain text. The
    pages of the guide are left to Sphinx, which warns of a reference that leads nowhere.
    """
    if not node.get("refdoc", "").startswith("generated/"):
        return None
    if node["reftype"] == "term":
        url = f"{GLOSSARY}#term-{node['reftarget']}"
        return nodes.reference("", "", contnode, internal=False, refuri=url)
    return contnode if node["reftype"] == "ref" else None


def setup(app):
    app.connect("missing-reference", resolve_in_scikit_learn)
