"""Keep the Chinese pages in step with the English ones.

The messages of a page are its titles, paragraphs, cells and captions, as Sphinx's gettext builder
finds them. Each covered page has a catalog with the Chinese of each message, in
doc/locale/zh_CN/LC_MESSAGES. ``update`` brings the catalogs up to date with the pages: what is new
is added empty, what has changed keeps its old translation and is marked fuzzy, what is gone goes.
``--check`` changes nothing and fails where a Chinese page lags behind its English one, naming page
and message.

No example is run for it: a page's text does not depend on what its code prints.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
CATALOGS = ROOT / "doc" / "locale" / "zh_CN" / "LC_MESSAGES"
# Pages, and folders of pages, that are there in Chinese. All others stay English.
COVERED = (
    "index",
    "tutorial",
    "guide/tables",
    "guide/tables_inside",
    "course/",
    "auto_examples/",
)
# What the gettext build need not read.
SKIPPED = (
    "**/sg_execution_times.rst",
    "api.rst",
    "api/**",
    "benchmarks.rst",
    "changelog.rst",
    "project/**",
    "generated/**",
)
HEADER = """\
msgid ""
msgstr ""
"Language: zh_CN\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""
# What sphinx-gallery writes below and above each example, which nobody has to translate by hand.
BOILERPLATE = {
    r"(:ref:`)Go to the end( <.+>`) to download the full example code\.": (
        r"完整的示例代码可在 \1页面末尾\2 下载。"
    ),
    r"(:download:`)Download Jupyter notebook(: .+`)": r"\1下载 Jupyter 笔记本\2",
    r"(:download:`)Download Python source code(: .+`)": r"\1下载 Python 源代码\2",
    r"(:download:`)Download zipped(: .+`)": r"\1下载压缩包\2",
    r"(:download:`)Download all examples in Python source code(: .+`)": (
        r"\1下载全部示例的 Python 源代码\2"
    ),
    r"(:download:`)Download all examples in Jupyter notebooks(: .+`)": (
        r"\1下载全部示例的 Jupyter 笔记本\2"
    ),
}

# --------------------------------------------------------------------------------------- messages


def covered(page):
    return page in COVERED or any(page.startswith(one) for one in COVERED if one.endswith("/"))


def templates():
    """The messages of each covered page as it is now, by the page's name, without translations."""
    with tempfile.TemporaryDirectory() as folder:
        copy, out = Path(folder) / "doc", Path(folder) / "out"
        ignore = shutil.ignore_patterns("_build", "auto_examples", "generated", "locale")
        shutil.copytree(ROOT / "doc", copy, ignore=ignore)
        # README.md and others, which pages may include, and the examples.
        for path in ROOT.iterdir():
            if not path.name.startswith(".") and path.name != "doc":
                (Path(folder) / path.name).symlink_to(path)
        unread = [f"-Dexclude_patterns={','.join(('_build', '_templates', *SKIPPED))}"]
        command = [sys.executable, "-m", "sphinx", "-b", "gettext", "-Q", str(copy), str(out)]
        options = [*unread, "-Dautosummary_generate=0"]
        options.append("-Dsphinx_gallery_conf.filename_pattern=no_example_is_run")
        subprocess.run([*command, *options], check=True, cwd=ROOT)
        found = {}
        for path in sorted(out.rglob("*.pot")):
            page = path.relative_to(out).with_suffix("").as_posix()
            if covered(page):
                found[page] = read(path)
    return found


def read(path):
    with path.open("rb") as file:
        return read_po(file, locale="zh_CN")


def write(path, catalog):
    """A catalog without line numbers and dates, which would change when nothing has."""
    text = BytesIO()
    write_po(
        text, catalog, width=88, no_location=True, omit_header=True, ignore_obsolete=True,
        include_previous=True,
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER + text.getvalue().decode().lstrip("\n"), "utf-8")


def messages(catalog):
    return [message for message in catalog if message.id]


# ----------------------------------------------------------------------------------- inline markup

INLINE = re.compile(
    r"""
    ``(?P<literal>.+?)``                                 # ``code``
    | :(?P<role>[A-Za-z][\w:+.-]*):`(?P<content>[^`]+)`  # :role:`content`
    | `(?P<link>[^`]+)`__?                               # `text <address>`_
    | `(?P<plain>[^`]+)`                                 # `code`, by the site's default role
    | \[(?P<footnote>[\w#*.-]+)\]_
    | \|(?P<substitution>[^\s|][^|]*)\|
    """,
    re.VERBOSE | re.DOTALL,
)
WHOLE = {"math", "code", "kbd", "samp"}
TARGET = re.compile(r"<([^<>]+)>\s*$", re.DOTALL)


def parts(text):
    """What a translation has to keep: literals and formulas whole, of links the targets."""
    found = Counter()
    for match in INLINE.finditer(text):
        kind = match.lastgroup if match.lastgroup != "content" else match["role"]
        content = " ".join(match[match.lastgroup].split())
        if kind == "link":
            target = TARGET.search(content)
            # `a title`_ of a section on the page may become `标题 <a title_>`_
            found["a link to", (target[1] if target else content).removesuffix("_")] += 1
        elif match["role"] and kind not in WHOLE:
            target = TARGET.search(content)
            found[f":{kind}:", target[1] if target else content] += 1
        else:
            # How often code or a formula is named is the translator's choice.
            kind = f":{kind}:" if match["role"] else "code"
            found[kind, content] = 1
    return found


def glued(text):
    """Markup that reStructuredText does not see since a letter or a character touches it."""
    for match in INLINE.finditer(text):
        before, after = text[: match.start()][-1:], text[match.end() :][:1]
        # docutils ends markup at closing punctuation, not at an opening bracket, and the reverse.
        if re.match(r"\w|[）】》」』”’]", before) or re.match(r"\w|[（【《「『“‘]", after):
            yield match[0]


def formula(text):
    r"""Whether a message is a displayed formula, alike in every language but for \text."""
    return re.search(r"\\[A-Za-z]+", INLINE.sub(" ", text)) is not None


def words(text):
    """The English words outside code, formulas and links."""
    return re.findall(r"\b[a-z]{2,}\b", INLINE.sub(" ", text))


def needs_no_translator(text):
    """A translation that follows from the message: boilerplate, or nothing but code and numbers."""
    for pattern, chinese in BOILERPLATE.items():
        whole = re.compile(pattern, re.DOTALL)
        if whole.fullmatch(text):
            return whole.sub(chinese, text)
    if formula(text) and r"\text{" not in text:
        return text
    return text if not re.search(r"[^\W\d_]", INLINE.sub(" ", text)) and not _titled(text) else ""


def _titled(text):
    """Whether a link has words of its own, which can be translated."""
    return any(
        TARGET.search(match["content"] or match["link"] or "")
        for match in INLINE.finditer(text)
        if match["content"] or match["link"]
    )


# --------------------------------------------------------------------------------------- commands


def update():
    for page, template in templates().items():
        path = CATALOGS / f"{page}.po"
        catalog = read(path) if path.exists() else Catalog(locale="zh_CN")
        catalog.update(template)
        for message in messages(catalog):
            by_rule = needs_no_translator(message.id)
            if by_rule:
                message.string = by_rule
                message.flags.discard("fuzzy")
            if not message.fuzzy:
                # Babel reads the old English, which is for translators, as a comment.
                message.user_comments = []
        write(path, catalog)
        rest = [one for one in messages(catalog) if not one.string or one.fuzzy]
        print(f"{page}: {len(messages(catalog))} messages, {len(rest)} to translate")


def faults(page, template):
    path = CATALOGS / f"{page}.po"
    if not path.exists():
        yield "has no catalog: run `python .ci/translations.py update`", ""
        return
    catalog = read(path)
    for message in messages(template):
        chinese = catalog.get(message.id)
        if chinese is None:
            yield "not in the catalog", message.id
        elif not chinese.string:
            yield "not translated", message.id
        elif chinese.fuzzy:
            yield "fuzzy: the English has changed", message.id
        else:
            yield from wrong_markup(message.id, chinese.string)
    for message in messages(catalog):
        if template.get(message.id) is None:
            yield "no longer on the page", message.id


def wrong_markup(english, chinese):
    if chinese == english and not formula(english) and len(words(english)) > 3:
        yield "left in English", english
    wanted, given = parts(english), parts(chinese)
    for kind, content in wanted - given:
        yield f"the translation lacks {kind} {content}", english
    for kind, content in given - wanted:
        yield f"only the translation has {kind} {content}", english
    for markup in glued(chinese) if chinese != english else ():
        yield rf"{markup} touches a character; put a space or \ between them", english


def check():
    pages, count = templates(), 0
    for page, template in pages.items():
        for what, message in faults(page, template):
            count += 1
            excerpt = " ".join(message.split())[:100]
            print(f"{page}: {what}" + (f": {excerpt!r}" if excerpt else ""))
    for path in sorted(CATALOGS.rglob("*.po")):
        page = path.relative_to(CATALOGS).with_suffix("").as_posix()
        if page not in pages:
            count += 1
            print(f"{page}: a catalog without a page; rename it as the page was, or delete it")
    print(f"{len(pages)} pages in Chinese, {count} faults")
    return 1 if count else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("command", nargs="?", choices=["update"])
    parser.add_argument("--check", action="store_true", help="fail where a translation lags behind")
    given = parser.parse_args()
    if given.check == bool(given.command):
        parser.error("either update or --check")
    return check() if given.check else update()


if __name__ == "__main__":
    sys.exit(main())
