"""Look at the built site as readers do: on a desk and a phone, by day and by night, offline.

    python .ci/look_at_site.py                      # what `tox -e look` runs, after `tox -e doc`
    python .ci/look_at_site.py --links              # the links alone, without a browser
    python .ci/look_at_site.py --pages 'course/*'   # some pages; also 'zh/course/*'

Every page is loaded from disk, with the network cut off, and must come without an error in the
console, with all images, all formulas typeset, and on a phone without scrolling sideways. Every
link within the site must lead to a page, and to a place on it. The search must find what it is
asked for, in Chinese too.
Screenshots of each kind of page and of each example go to a folder, for people.

It takes Chromium and its driver (Debian: chromium and chromium-driver) and the package selenium.
"""

import argparse
import base64
import fnmatch
import json
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]
SCREENS = {"desk": (1300, 900), "phone": (390, 844)}
THEMES = ("light", "dark")
# One or two of each kind of page, and all examples, are photographed.
PHOTOGRAPHED = (
    "index.html",
    "install.html",
    "tutorial.html",
    "guide/index.html",
    "guide/tables.html",
    "guide/coming_from/index.html",
    "course/*.html",
    "api.html",
    "api/model_selection.html",
    "generated/skdeep.DeepMLPClassifier.html",
    "generated/skdeep.utils.ewma.html",
    "auto_examples/*",
    "benchmarks.html",
    "changelog.html",
    "project/*.html",
    "search.html",
)
# What is typed into the search of each language, and must be found.
SEARCHED = {"": ("learning rate", "TabularMLPClassifier"), "zh/": ("学习率", "dropout", "梯度")}

# ----------------------------------------------------------------------------------------- links


class Page(HTMLParser):
    """The places of a page that can be linked to, and what it links to or shows."""

    def __init__(self, path):
        super().__init__()
        self.places, self.targets = set(), set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.places.update(given[name] for name in ("id", "name") if given.get(name))
        for name in ("href", "src"):
            if given.get(name) and tag != "base":
                self.targets.add(given[name])
        for one in (given.get("srcset") or "").split(","):
            self.targets.update(one.split()[:1])


def pages_of(site):
    """Without the templates that the theme leaves among its files."""
    return [path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]


def broken_links(site):
    """Each link within the site that leads nowhere, as "page: link"."""
    pages = {path.resolve(): Page(path) for path in pages_of(site)}
    for path, page in pages.items():
        for link in sorted(page.targets):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            name = path.relative_to(site.resolve())
            if target.is_dir() or not target.exists():
                yield f"{name}: {link} is not there"
            elif parts.fragment and target in pages:
                place = unquote(parts.fragment)
                # The theme's own link to the top, and the lines that highlighting makes.
                if place not in pages[target].places and place != "top":
                    yield f"{name}: {link} has no such place"


# --------------------------------------------------------------------------------------- browser

READY = """
const done = arguments[arguments.length - 1];
const images = [...document.images];
images.forEach((one) => { one.loading = "eager"; });
Promise.allSettled([
  window.MathJax && MathJax.startup ? MathJax.startup.promise : null,
  document.fonts.ready,
  ...images.map((one) => one.decode()),
]).then(() => done(true));
"""
FAULTS = """
const faults = [];
for (const one of document.images)
  if (!(one.complete && one.naturalWidth))
    faults.push("image did not load: " + one.getAttribute("src"));
for (const one of document.querySelectorAll(".math"))
  if (!one.querySelector("mjx-container"))
    faults.push("formula is not typeset: " + one.textContent.slice(0, 60));
for (const one of document.querySelectorAll("mjx-merror"))
  faults.push("formula has an error: " + one.textContent.slice(0, 60));
const text = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (text.nextNode()) {
  const node = text.currentNode;
  if (node.parentElement.closest("pre, code, script, style, mjx-container, textarea")) continue;
  if (/\\\\\\(|\\\\\\[|\\\\(frac|mathrm|lVert|sum|partial|alpha|lambda)\\b/.test(node.data))
    faults.push("raw TeX: " + node.data.trim().slice(0, 60));
}
return faults;
"""
SIDEWAYS = """
const wide = document.documentElement.clientWidth;
const scrolls = (one) => {
  for (; one && one !== document.body; one = one.parentElement) {
    const style = getComputedStyle(one);
    if (style.overflowX !== "visible" || style.position === "fixed") return true;
  }
  return false;
};
const faults = [];
if (document.documentElement.scrollWidth > wide + 1)
  faults.push("scrolls sideways, " + document.documentElement.scrollWidth + " of " + wide);
for (const one of document.querySelectorAll("main *, header *, footer *")) {
  const box = one.getBoundingClientRect();
  if (box.width && box.right > wide + 1 && !scrolls(one)) {
    faults.push("off screen: " + one.tagName.toLowerCase() + "." + one.className + " " +
                one.textContent.trim().slice(0, 50));
    break;
  }
}
for (const one of document.querySelectorAll("h1, h2, h3, dt.sig, dl.field-list dt"))
  if (one.clientWidth && one.scrollWidth > one.clientWidth + 2)
    faults.push("cut: " + one.textContent.trim().slice(0, 50));
return faults;
"""
FOUND = """
const done = arguments[arguments.length - 1];
const until = Date.now() + 15000;
(function look() {
  const list = [...document.querySelectorAll("#search-results ul.search li a")];
  if (list.length || Date.now() > until) return done(list.map((one) => one.textContent));
  setTimeout(look, 100);
})();
"""


class Browser:
    """Chromium on this machine, without a network."""

    def __init__(self):
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = program("chromium", "chromium-browser", "google-chrome")
        for argument in (
            "headless=new",
            "no-sandbox",
            "disable-gpu",
            "no-first-run",
            "disable-background-networking",
            "disable-component-update",
            "disable-sync",
            "disable-dev-shm-usage",
            "hide-scrollbars",
            # The search and the fonts are files beside the page.
            "allow-file-access-from-files",
            "host-resolver-rules=MAP * ~NOTFOUND",
        ):
            options.add_argument(f"--{argument}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options, Service(program("chromedriver")))
        self.driver.set_script_timeout(60)
        self.driver.set_page_load_timeout(60)

    def screen(self, size):
        width, height = size
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )

    def load(self, path, query=""):
        self.driver.get(path.resolve().as_uri() + query)
        self.driver.execute_async_script(READY)

    def errors(self):
        """What the console has to say since it was last asked."""
        return [
            "console: " + entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] in ("SEVERE", "ERROR")
        ]

    def run(self, script):
        return self.driver.execute_script(script)

    def theme(self, name):
        self.run(f"document.documentElement.dataset.theme = {json.dumps(name)}")

    def photograph(self, path):
        shot = self.driver.execute_cdp_cmd(
            "Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True}
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(shot["data"]))


def program(*names):
    found = next(filter(None, map(shutil.which, names)), None)
    return found or sys.exit(f"{names[0]} is not installed")


def look_at(browser, site, page, shots):
    """The faults of one page, on all screens and in both themes."""
    faults = []
    browser.screen(SCREENS["desk"])
    browser.load(site / page)
    faults += browser.run(FAULTS)
    for screen, size in SCREENS.items():
        browser.screen(size)
        faults += [f"{screen}: {one}" for one in browser.run(SIDEWAYS)]
        if shots and photographed(page):
            for theme in THEMES:
                browser.theme(theme)
                browser.photograph(shots / screen / theme / Path(page).with_suffix(".png"))
    return [*faults, *browser.errors()]


def photographed(page):
    return any(fnmatch.fnmatch(page.removeprefix("zh/"), one) for one in PHOTOGRAPHED)


def look_up(browser, site, language, words):
    """Whether the search of a language finds what the language's pages have."""
    browser.load(site / f"{language}search.html", "?q=" + quote(words))
    found = browser.driver.execute_async_script(FOUND)
    faults = [] if found else [f"{words} is not found"]
    return [*faults, *browser.errors()]


def look(site, pages, shots, jobs):
    """The faults of the pages, each with the page's name."""
    tasks = [(page, look_at, (site, page, shots)) for page in pages]
    for language, searched in SEARCHED.items():
        page = f"{language}search.html"
        if page in pages:
            tasks += [(page, look_up, (site, language, words)) for words in searched]
    with ThreadPoolExecutor(jobs) as browsers:
        shares = browsers.map(work, [tasks[one::jobs] for one in range(jobs)])
        return [fault for share in shares for fault in share]


def work(tasks):
    browser, faults = Browser(), []
    try:
        for page, function, arguments in tasks:
            found = function(browser, *arguments)
            faults += [f"{page}: {one}" for one in dict.fromkeys(found)]
    finally:
        browser.driver.quit()
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--site", type=Path, default=ROOT / "doc" / "_build" / "html")
    parser.add_argument(
        "--shots", type=Path, help="where screenshots go; without it there are none"
    )
    parser.add_argument("--pages", default="*", help="which pages, as a pattern")
    parser.add_argument("--links", action="store_true", help="check the links alone")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    given = parser.parse_args()
    site = given.site
    if not (site / "index.html").exists():
        sys.exit(f"there is no site in {site}: build it with `tox -e doc`")
    pages = [path.relative_to(site).as_posix() for path in pages_of(site)]
    faults = [f"link in {one}" for one in broken_links(site)]
    print(f"{len(pages)} pages, {len(faults)} broken links", flush=True)
    if not given.links:
        # Listings of source code, which are all alike: their links have been followed.
        seen = [
            one for one in pages if "_modules/" not in one and fnmatch.fnmatch(one, given.pages)
        ]
        found = look(site, seen, given.shots, given.jobs)
        print(f"{len(seen)} pages looked at, {len(found)} faults")
        faults += found
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
