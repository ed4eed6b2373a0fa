"""What strangers see of the project agrees: versions, links, the README, and what carries them.

Where the checks and workflows are not beside the tests there is nothing to compare.
"""

import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from pathlib import Path

import numpy as np
import pytest

import skdeep
from skdeep import _documentation

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
IN_CHINESE = "README.zh-CN.md"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
REPOSITORY = "https://github.com/Someone/skdeep"
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARKDOWN = ["README.md", IN_CHINESE, "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md"]


def loaded(path):
    if not (ROOT / path).exists():
        pytest.skip("it is not here")
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def text_of(path):
    if not (ROOT / path).exists():
        pytest.skip("it is not here")
    return (ROOT / path).read_text("utf-8")


# --------------------------------------------------------------------------- what it runs on


def pythons():
    found = (re.fullmatch(r".*Python :: (3\.\d+)", one) for one in PROJECT["classifiers"])
    return [one[1] for one in found if one]


def oldest():
    pairs = (re.fullmatch(r"([\w-]+)>=([\d.]+)", one).groups() for one in PROJECT["dependencies"])
    return dict(pairs)


def test_pythons_are_one_after_the_other_from_the_oldest_on():
    minors = [int(one.partition(".")[2]) for one in pythons()]
    assert minors == list(range(minors[0], minors[-1] + 1))
    assert PROJECT["requires-python"] == f">={pythons()[0]}"


def test_the_workflow_has_these_pythons():
    matrix = re.search(r"python: \[(.*)\]", text_of(".github/workflows/tests.yml"))[1]
    assert matrix.replace('"', "").split(", ") == pythons()


def test_tox_has_the_oldest_dependencies_and_the_newest_python():
    tox = ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", "utf-8")
    pinned = re.findall(r"oldest: ([\w-]+)==([\d.]+)", tox["testenv"]["deps"])
    assert {name for name, _ in pinned} == set(oldest())
    for name, version in oldest().items():
        assert next(pin for one, pin in pinned if one == name).strip(".").startswith(version)
    newest = re.findall(r"python(3\.\d+)", tox["testenv:newest"]["base_python"])
    assert newest == pythons()[::-1]


def test_tox_has_the_oldest_tools_that_the_extras_allow():
    tox = ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", "utf-8")
    extras = PROJECT["optional-dependencies"]
    needed = {
        one
        for extra in ("skops", "onnx", "cluster", "tools")
        for one in extras[extra]
        # With the rest of the tests, on the newest.
        if not one.startswith("pandas")
    }
    pinned = tox["testenv:tools-oldest"]["deps"].split()
    assert {re.sub(r"==([\d.]+)\.\*$", r">=\1", pin) for pin in pinned} == needed


def test_pages_name_the_same_versions():
    rows = dict(re.findall(r"^([\w-]+) {2,}([\d.]+) ", text_of("doc/project/versions.rst"), re.M))
    assert rows == {"Python": pythons()[0], **oldest()}
    for name, version in oldest().items():
        assert f"{name} ≥ {version}" in README
        assert f"{name} ≥ {version}" in text_of(IN_CHINESE)
    assert f"Python {pythons()[0]} to {pythons()[-1]}" in README
    assert f"Python {pythons()[0]} 至 {pythons()[-1]}" in text_of(IN_CHINESE)


def test_the_status_follows_the_version():
    is_stable = int(skdeep.__version__.partition(".")[0]) >= 1
    status = [one for one in PROJECT["classifiers"] if one.startswith("Development Status")]
    assert status == [
        f"Development Status :: {'5 - Production/Stable' if is_stable else '4 - Beta'}"
    ]


# ----------------------------------------------------------------------------------- the address


@pytest.fixture
def copy(tmp_path):
    """The files that an address is written to, at another place."""
    setting = loaded(".ci/set_repository.py")
    for name in (setting.SETTING, *setting.WRITTEN):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def set_address(copy, *arguments, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["set_repository.py", *arguments])
    return loaded(".ci/set_repository.py").main(copy)


def test_the_address_is_the_same_everywhere():
    setting = loaded(".ci/set_repository.py")
    assert setting.LEGAL.fullmatch(_documentation.REPOSITORY)
    assert list(setting.changes(ROOT, _documentation.REPOSITORY)) == []


def test_an_address_is_set_everywhere_and_taken_out_again(copy, monkeypatch, capsys):
    set_address(copy, "", monkeypatch=monkeypatch)
    setting = loaded(".ci/set_repository.py")
    files = [copy / name for name in (setting.SETTING, *setting.WRITTEN)]
    before = [path.read_text("utf-8") for path in files]
    assert not any("/advisories/" in text or "badge.svg" in text for text in before)
    assert set_address(copy, f"{REPOSITORY}.git", monkeypatch=monkeypatch) == 0
    capsys.readouterr()
    assert all(f"{REPOSITORY}" in path.read_text("utf-8") for path in files)
    assert set_address(copy, "--check", monkeypatch=monkeypatch) == 0
    files[1].write_text(before[1], "utf-8")
    assert set_address(copy, "--check", monkeypatch=monkeypatch) == 1
    assert capsys.readouterr().out == "README.md\n"
    set_address(copy, "", monkeypatch=monkeypatch)
    assert [path.read_text("utf-8") for path in files] == before


@pytest.mark.parametrize("address", ["github.com/a/b", "https://github.com/a", "https://x.org/a/b"])
def test_what_is_no_address_is_refused(address, copy, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        set_address(copy, address, monkeypatch=monkeypatch)
    assert "is not https://github.com/OWNER/NAME" in capsys.readouterr().err


def test_the_site_is_on_the_pages_of_the_repository():
    assert _documentation.pages_of("") == ""
    assert _documentation.pages_of(REPOSITORY) == "https://someone.github.io/skdeep/"
    own = "https://github.com/Someone/someone.github.io"
    assert _documentation.pages_of(own) == "https://someone.github.io/"
    assert _documentation.pages_of(_documentation.REPOSITORY) == _documentation.ADDRESS


def test_pypi_links_to_the_repository_once_there_is_one():
    pytest.importorskip("hatchling")
    metadata = loaded("hatch_build.py")
    assert metadata.project_urls("", "") == {}
    urls = metadata.project_urls(REPOSITORY, "https://someone.github.io/skdeep/")
    assert urls["Source"] == REPOSITORY
    assert all(url.startswith("https://") for url in urls.values())
    page = "[a](doc/b.rst), ![c](d.png) [e](https://e.org) [f](#f)"
    assert metadata.readable_elsewhere(page, "") == "a,  [e](https://e.org) [f](#f)"
    there = metadata.readable_elsewhere(page, REPOSITORY)
    assert f"[a]({REPOSITORY}/blob/HEAD/doc/b.rst), ![c]({REPOSITORY}/raw/HEAD/d.png)" in there
    other = "# skdeep\n\nEnglish | [其他](README.zh-CN.md)\n\nWhat it is.\n"
    assert metadata.readable_elsewhere(other, "") == "# skdeep\n\nWhat it is.\n"
    assert f"({REPOSITORY}/blob/HEAD/{IN_CHINESE})" in metadata.readable_elsewhere(
        other, REPOSITORY
    )
    assert len(metadata.LANGUAGES.findall(README)) == 1
    for repository in ("", REPOSITORY):
        assert (
            metadata.RELATIVE_LINK.search(metadata.readable_elsewhere(README, repository)) is None
        )


# -------------------------------------------------------------------------------- pages and files


def links_to_files(page):
    return re.findall(r"\]\((?!\w+:|#)([^)\s]+)\)", FENCED.sub("", page))


@pytest.mark.parametrize("name", MARKDOWN)
def test_links_of_a_page_lead_to_files(name):
    for link in links_to_files(text_of(name)):
        assert (ROOT / link).exists(), link


def test_the_readme_says_the_same_in_chinese():
    chinese = text_of(IN_CHINESE)
    assert FENCED.findall(chinese) == FENCED.findall(README)
    # Chinese may name them in another order.
    links = [sorted(links_to_files(page)) for page in (README, chinese)]
    links[0].remove(IN_CHINESE)
    links[1].remove("README.md")
    assert links[0] == links[1]
    heads, names = (
        [re.findall(pattern, FENCED.sub("", page), re.MULTILINE) for page in (README, chinese)]
        for pattern in (r"^#+(?= )", r"`[^`\n]+`")
    )
    assert heads[0] == heads[1]
    assert set(names[0]) == set(names[1])
    # The commands that are run are marked once, in English.
    assert "<!-- ci:" not in chinese


def test_the_readmes_marked_commands_are_one_line_each():
    for name in ("main", "test"):
        (block,) = re.findall(rf"^<!-- ci: {name} -->\n```sh\n(.*?)^```$", README, re.M | re.S)
        assert block.count("\n") == 1
        assert block.startswith("python3 -m venv .venv && ")


def test_what_is_for_powershell_is_the_same_a_command_a_line():
    for name in ("main", "test"):
        (commands,) = re.findall(rf"<!-- ci: {name} -->\n```sh\n(.*)\n", README)
        first, *others = commands.replace("python3", "py").split(" && ")
        others = [one.replace("/bin/", "/Scripts/").replace("/", "\\") for one in others]
        lines = "\n".join([first, *others])
        assert f"```powershell\n{lines}\n```" in README


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_the_readmes_python_runs(tmp_path, monkeypatch, capsys):
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"plan": rng.choice(["a", "b"], 60), "months": rng.integers(1, 40, 60)})
    table.to_csv(tmp_path / "new_customers.csv", index=False)
    table["churn"] = np.where(table["months"] > 20, "no", "yes")
    table.to_csv(tmp_path / "customers.csv", index=False)
    monkeypatch.chdir(tmp_path)
    found = FENCED.findall(README)
    for i, (language, code) in enumerate(found):
        if language != "python":
            continue
        names = {}
        exec(compile(code, "README.md", "exec"), names)
        if i + 1 < len(found) and found[i + 1][0] == "text":
            # Of an accuracy the last digit may differ from machine to machine.
            printed, promised = capsys.readouterr().out, found[i + 1][1]
            number = re.compile(r"0\.\d+")
            assert number.sub("", printed) == number.sub("", promised)
            of_each = [list(map(float, number.findall(text))) for text in (printed, promised)]
            np.testing.assert_allclose(*of_each, atol=0.03)
    assert names["p"].shape == (60, 2)


def test_hooks_have_the_tools_of_the_extra_lint():
    asked = set(re.findall(r'dependencies: \["([^"]+)"\]', text_of(".pre-commit-config.yaml")))
    own = {one for one in asked if not one.startswith("pre-commit-hooks")}
    assert own == {
        one for one in PROJECT["optional-dependencies"]["lint"] if re.match("ruff|codespell", one)
    }


def test_workflows_call_environments_that_tox_has():
    workflows = list((ROOT / ".github" / "workflows").glob("*.yml"))
    if not workflows:
        pytest.skip("they are not here")
    text = "\n".join(path.read_text("utf-8") for path in workflows)
    names = set(re.findall(r"tox -e (\w+)$", text, re.M))
    names |= set(re.search(r"environment: \[(.*)\]", text)[1].split(", "))
    tox = ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", "utf-8")
    assert {"lint", "doc", "nightly", "package"} <= names
    assert {f"testenv:{name}" for name in names} <= set(tox.sections())


def test_workflows_may_only_read_unless_they_publish():
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml")):
        text = path.read_text("utf-8")
        assert "\npermissions:\n  contents: read\n" in text
        assert "\nconcurrency:\n" in text
        assert "secrets." not in text
        # A job without a limit may run for six hours.
        assert text.count("runs-on:") == text.count("timeout-minutes:")
        writing = set(re.findall(r"^ +([\w-]+): write$", text, re.M))
        assert writing == {
            "docs.yml": {"pages", "id-token"},
            "release.yml": {"id-token"},
        }.get(path.name, set())
        # By a major version, or what its owner calls so.
        for action in re.findall(r"uses: (\S+)", text):
            assert action.startswith("./") or re.search(r"@(v\d+|release/v\d+)$", action)


# ------------------------------------------------------------------------------------ the package


def test_packages_that_lack_something_are_found():
    check = loaded(".ci/check_package.py")
    source = {"skdeep/a.py": b"1", "README.md": b"", "PKG-INFO": b""}
    wheel = {"skdeep/a.py": b"1", "x.dist-info/licenses/LICENSE": b""}
    tracked = {"skdeep/a.py", "README.md"}
    assert list(check.findings(source, wheel, tracked)) == []
    (line,) = check.findings(source, wheel, tracked | {"doc/b.rst"})
    assert line == "not in the source distribution: doc/b.rst"
    (line,) = check.findings(source | {"c.log": b""}, wheel, tracked)
    assert line == "only in the source distribution: c.log"
    (line,) = check.findings(source, wheel | {"tests/t.py": b""}, tracked)
    assert line == "only in the wheel: tests/t.py"
    (line,) = check.findings(source, wheel | {"skdeep/a.py": b"2"}, tracked)
    assert line == "not the same in the wheel: skdeep/a.py"
    assert check.version_of({"x.dist-info/METADATA": b"Name: x\nVersion: 1.2\n"}) == "1.2"


def test_the_address_is_read_without_numpy():
    code = "import sys, skdeep._documentation; assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
