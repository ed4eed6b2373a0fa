"""Say where the repository is, in all places at once.

    python .ci/set_repository.py https://github.com/OWNER/NAME

sets `REPOSITORY` in skdeep/_documentation.py and writes the address where it cannot be read from
there: between the marks "repository: begin" and "repository: end" of the files below. With an empty
address, "", it takes it out again. `--check` writes nothing and fails where a file does not agree
with the setting. The links on PyPI and those of the site are made when these are built.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from skdeep._documentation import pages_of  # noqa: E402

sys.path.pop(0)

SETTING = "skdeep/_documentation.py"
ADDRESS = re.compile(r"(?<=^REPOSITORY = \")[^\"]*(?=\"$)", re.MULTILINE)
LEGAL = re.compile(r"(https://github\.com/[\w.-]+/[\w.-]*[\w-])?")
BLOCK = re.compile(
    r"(?P<begin>^.*repository: begin.*\n)(?P<inside>(?:.*\n)*?)(?P<end>^.*repository: end.*$)",
    re.MULTILINE,
)


def badges(repository: str, documentation: str = "Documentation: <{}>") -> str:
    """For the head of the README: whether the tests and the site's build pass, and the site."""
    actions = f"{repository}/actions/workflows"
    lines = [
        f"[![{name}]({actions}/{name}.yml/badge.svg)]({actions}/{name}.yml)"
        for name in ("tests", "docs")
    ]
    return "\n".join([*lines, "", documentation.format(pages_of(repository)), ""])


def badges_in_chinese(repository: str) -> str:
    return badges(repository, "文档：<{}zh/>")


def citation(repository: str) -> str:
    return f"repository-code: {repository}\nurl: {pages_of(repository)}\n"


def contacts(repository: str) -> str:
    """Where else the chooser of issue forms leads: to a private report of what is a danger."""
    return f"""contact_links:
  - name: Something that endangers users
    url: {repository}/security/advisories/new
    about: Please report it in private, see SECURITY.md.
"""


WRITTEN: dict[str, Callable[[str], str]] = {
    "README.md": badges,
    "README.zh-CN.md": badges_in_chinese,
    "CITATION.cff": citation,
    ".github/ISSUE_TEMPLATE/config.yml": contacts,
}


def with_setting(text: str, repository: str) -> str:
    return ADDRESS.sub(repository, text, count=1)


def with_block(text: str, inside: str) -> str:
    """The text with this in its block, of which there has to be one."""
    if len(BLOCK.findall(text)) != 1:
        raise ValueError("there has to be one block from 'repository: begin' to 'repository: end'")
    return BLOCK.sub(lambda block: block["begin"] + inside + block["end"], text)


def changes(root: Path, repository: str) -> Iterator[tuple[Path, str]]:
    """The files that do not agree with an address, and their texts that do."""
    texts = {SETTING: with_setting((root / SETTING).read_text("utf-8"), repository)}
    for name, written in WRITTEN.items():
        inside = written(repository) if repository else ""
        texts[name] = with_block((root / name).read_text("utf-8"), inside)
    for name, text in texts.items():
        if text != (root / name).read_text("utf-8"):
            yield root / name, text


def main(root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", nargs="?", help='"https://github.com/OWNER/NAME", or ""')
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    arguments = parser.parse_args()
    if arguments.check == (arguments.address is not None):
        parser.error("give an address or --check")
    if arguments.check:
        address = ADDRESS.search((root / SETTING).read_text("utf-8"))[0]
    else:
        address = arguments.address.removesuffix("/").removesuffix(".git")
    if not LEGAL.fullmatch(address):
        parser.error(f"{address!r} is not https://github.com/OWNER/NAME")
    differing = list(changes(root, address))
    for path, text in differing:
        print(path.relative_to(root).as_posix())
        if not arguments.check:
            path.write_text(text, "utf-8", newline="\n")
    return bool(differing) and arguments.check


if __name__ == "__main__":
    sys.exit(main())
