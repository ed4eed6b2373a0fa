"""The site in Chinese: translated pages, the gallery as the English build left it, and a search.

Sphinx itself puts the messages of doc/locale into the pages. Three things it does not know are
here: examples run once, for the English site, and the Chinese one shows the same pages and figures;
the cards of the gallery are raw HTML, which no catalog reaches; and Chinese has no spaces between
words, so that the search needs another way to split a text than at spaces.
"""

import html
import posixpath
import re
from itertools import pairwise
from pathlib import Path

import snowballstemmer
from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.search import SearchLanguage
from sphinx.search.en import SearchEnglish
from sphinx_gallery.gen_gallery import generate_gallery_rst

CHINESE = "zh_CN"

# ------------------------------------------------------------------------------------ the gallery


def keep_the_gallery(app):
    """Do not let sphinx-gallery write its pages again: without running they would lose figures."""
    for listener in list(app.events.listeners["builder-inited"]):
        if listener.handler is generate_gallery_rst:
            app.disconnect(listener.id)
    if not (Path(app.srcdir) / "auto_examples" / "index.rst").exists():
        raise ExtensionError(
            "the Chinese site takes the examples' pages from doc/auto_examples, where the English "
            "build writes them: build that first"
        )


CARD = re.compile(r'(<div class="sphx-glr-thumbcontainer" tooltip=")[^"]*(">)')
TITLE = re.compile(r'(<div class="sphx-glr-thumbnail-title">).*?(</div>)', re.DOTALL)


def translate_cards(app, doctree, docname):
    """Give each card of an example the title and the introduction that its page has."""
    page = opening = None
    for node in doctree.findall(lambda one: isinstance(one, (nodes.raw, nodes.reference))):
        if isinstance(node, nodes.reference):
            page = _document(app, node, docname) or page
        elif CARD.search(node.astext()):
            opening, page = node, None
        elif opening is not None and page is not None and TITLE.search(node.astext()):
            title, introduction = app.env.titles[page].astext(), _introduction(app, page)
            _rewrite(opening, CARD, introduction)
            _rewrite(node, TITLE, title)
            opening = None


def _document(app, reference, docname):
    """The page that a link within the site leads to."""
    target = reference.get("refuri", "").partition("#")[0]
    if not reference.get("internal") or not target:
        return None
    here = posixpath.dirname(app.builder.get_target_uri(docname))
    found = posixpath.normpath(posixpath.join(here, target)).removesuffix(app.builder.out_suffix)
    return found if found in app.env.titles else None


def _introduction(app, page):
    section = next(app.env.get_doctree(page).findall(nodes.section))
    return next(section.findall(nodes.paragraph)).astext()


def _rewrite(node, pattern, text):
    text = html.escape(" ".join(text.split()))
    node.children[:] = [nodes.Text(pattern.sub(lambda old: old[1] + text + old[2], node.astext()))]


# ------------------------------------------------------------------------------------- the search

WORD = re.compile(r"[\u3400-\u9fff]+|[^\W\u3400-\u9fff]+")


def split(text):
    """Latin words as they are; of Chinese each character and each pair of neighbours.

    Whoever looks for 学习率 then finds the pages that have both 学习 and 习率. It takes no
    dictionary and finds a term that no dictionary has; ``SPLIT`` does the same to what is typed.
    """
    for word in WORD.findall(text):
        if "\u3400" <= word[0] <= "\u9fff":
            yield from word
            yield from map("".join, pairwise(word))
        else:
            yield word


SPLIT = r"""
var splitQuery = (query) =>
  (query.match(/[\u3400-\u9fff]+|[^\P{L}\u3400-\u9fff]+|[\p{N}_]+/gu) || []).reduce(
    (words, word) => {
      if (!/^[\u3400-\u9fff]/.test(word)) return words.concat(word);
      if (word.length == 1) return words.concat(word);
      const pairs = [];
      for (let i = 0; i + 1 < word.length; i++) pairs.push(word.slice(i, i + 2));
      return words.concat(pairs);
    }, []);
"""


class SearchChinese(SearchLanguage):
    """Chinese in pairs of characters, English stemmed as on the English site."""

    lang = CHINESE
    language_name = SearchEnglish.language_name  # of the stemmer
    js_stemmer_rawcode = SearchEnglish.js_stemmer_rawcode
    js_splitter_code = SPLIT
    stopwords = SearchEnglish.stopwords

    def __init__(self, options):
        super().__init__(options)
        self.stemmer = snowballstemmer.stemmer("english")

    def split(self, input):
        return list(split(input))

    def stem(self, word):
        return self.stemmer.stemWord(word.lower())

    def word_filter(self, word):
        return bool(word) and word not in self.stopwords


def setup(app):
    if app.config.language == CHINESE:
        keep_the_gallery(app)
        # It takes a title that is broken over two lines for another; .ci/translations.py compares.
        app.config.suppress_warnings = ["i18n.inconsistent_references"]
        app.add_search_language(SearchChinese)
        app.config.html_theme_options["search_bar_text"] = "搜索……"
        if app.config.html_baseurl:
            app.config.html_baseurl += "zh/"
        app.connect("doctree-resolved", translate_cards)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
