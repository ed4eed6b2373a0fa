"""Build the source distribution and the wheel, check both, and install the wheel for its tests.

The wheel is built from the source distribution, so that one is known to be complete. It has to
have what git has and nothing else; the wheel the package and nothing else, byte for byte; and twine
has to find that PyPI will show the README. A tag, where one is given, has to be the version's.
With `--install` the wheel goes into this Python, with what its tests need: `tox -e package` then
runs them where the checkout cannot be imported.
"""

import argparse
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What the source distribution has beside git's files.
MADE = {"PKG-INFO"}
Files = dict[str, bytes]


def run(*command: str) -> None:
    subprocess.run([sys.executable, "-m", *command], check=True)


def in_git() -> set[str]:
    command = ["git", "-C", str(ROOT), "ls-files", "-z"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {name for name in listed.split("\0") if name and (ROOT / name).is_file()}


def of_source(path: Path) -> Files:
    """The files of a source distribution, without the folder that holds them."""
    with tarfile.open(path) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        return {one.name.partition("/")[2]: archive.extractfile(one).read() for one in members}


def of_wheel(path: Path) -> Files:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name[-1] != "/"}


def version_of(wheel: Files) -> str:
    (metadata,) = (text for name, text in wheel.items() if name.endswith(".dist-info/METADATA"))
    return str(message_from_bytes(metadata)["Version"])


def findings(source: Files, wheel: Files, tracked: set[str]) -> Iterator[str]:
    """What is wrong with the two, a line each."""
    yield from (f"not in the source distribution: {name}" for name in sorted(tracked - set(source)))
    surplus = set(source) - tracked - MADE
    yield from (f"only in the source distribution: {name}" for name in sorted(surplus))
    package = {name for name in source if name.startswith("skdeep/")}
    installed = {name for name in wheel if ".dist-info/" not in name}
    yield from (f"not in the wheel: {name}" for name in sorted(package - installed))
    yield from (f"only in the wheel: {name}" for name in sorted(installed - package))
    changed = {name for name in package & installed if source[name] != wheel[name]}
    yield from (f"not the same in the wheel: {name}" for name in sorted(changed))
    if not any(name.endswith("/licenses/LICENSE") for name in wheel):
        yield "not in the wheel: LICENSE"


def checked(folder: Path, tag: str | None) -> tuple[Path, list[str]]:
    """The wheel, built in a folder, and what is wrong."""
    run("build", "--outdir", str(folder), str(ROOT))
    (source,), (wheel,) = (list(folder.glob(ending)) for ending in ("*.tar.gz", "*.whl"))
    run("twine", "check", "--strict", str(source), str(wheel))
    found = list(findings(of_source(source), of_wheel(wheel), in_git()))
    if tag not in (None, f"v{version_of(of_wheel(wheel))}"):
        found.append(f"the tag {tag} is not v{version_of(of_wheel(wheel))}")
    return wheel, found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--install", action="store_true", help="install the wheel, for its tests")
    parser.add_argument("--outdir", type=Path, help="an empty folder for the two; else nowhere")
    parser.add_argument("--tag", help="what the release is tagged")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wheel, found = checked(arguments.outdir or Path(folder), arguments.tag)
        print("\n".join(found) or "The source distribution and the wheel are complete.")
        if arguments.install and not found:
            run("pip", "install", f"scikit-deep[test] @ {wheel.resolve().as_uri()}")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
