"""What the metadata have beside pyproject.toml: the project's links, and the README for PyPI.

Both come from one setting, the repository's address in skdeep/_documentation.py. The README links
to files of the repository, by their paths. PyPI has no such files: there the links lead to the
repository, or, while it has no address, are plain text.
"""

import re
import sys
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

# Of an image or a link: what is shown, and a path, neither an address nor a place on the page.
RELATIVE_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!\w+:|#)([^)\s]+)\)")
# The line that leads to the same page in another language: nothing to read where it leads nowhere.
LANGUAGES = re.compile(r"^English \| .*\n\n", re.MULTILINE)


def project_urls(repository: str, site: str) -> dict[str, str]:
    if not repository:
        return {}
    return {
        "Homepage": site,
        "Documentation": site,
        "Source": repository,
        "Issues": f"{repository}/issues",
        "Changelog": f"{repository}/blob/HEAD/CHANGELOG.md",
    }


def readable_elsewhere(page: str, repository: str) -> str:
    """A page of Markdown whose links work without the files beside it."""

    def elsewhere(link: re.Match[str]) -> str:
        image, text, path = link.groups()
        if not repository:
            return "" if image else text
        return f"{image}[{text}]({repository}/{'raw' if image else 'blob'}/HEAD/{path})"

    return RELATIVE_LINK.sub(elsewhere, page if repository else LANGUAGES.sub("", page))


def where_the_project_is(root: str) -> tuple[str, str]:
    """The addresses of the repository and of the site. The import is of a few names: no NumPy."""
    sys.path.insert(0, root)
    try:
        from skdeep._documentation import ADDRESS, REPOSITORY
    finally:
        sys.path.remove(root)
    return REPOSITORY, ADDRESS


class CustomMetadataHook(MetadataHookInterface):
    """Called by hatchling, by this name."""

    def update(self, metadata: dict[str, object]) -> None:
        repository, site = where_the_project_is(self.root)
        page = Path(self.root, "README.md").read_text("utf-8")
        metadata["urls"] = project_urls(repository, site)
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": readable_elsewhere(page, repository),
        }
