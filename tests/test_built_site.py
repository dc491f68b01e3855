"""The site as it was built: links that resolve, and pages that Chromium shows without an error, at two widths.

``make docs`` leaves the site in ``docs/_build/html``; FA_REF_SITE names another folder. Without a site these tests
are skipped, and without Chromium those that need it.
"""

import os
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from browser import chromium

SITE = Path(os.environ.get("FA_REF_SITE", Path(__file__).parents[1] / "docs" / "_build" / "html"))

pytestmark = pytest.mark.skipif(not (SITE / "index.html").exists(), reason="no site was built: make docs")
seen = pytest.mark.skipif(chromium() is None, reason="Chromium is not installed")

#: What a reader meets first, and one page of each kind.
PAGES = (
    "index.html", "learn/index.html", "learn/lesson_1.html", "learn/lesson_6.html", "learn/algorithm_1.html",
    "paper/index.html", "paper/statements/3_2.html", "notation.html", "judge.html", "reference/api.html",
)  # fmt: skip

#: Text that MathJax should have taken, outside code; formulas that it could not read.
RAW = r"""(() => {
  const whole = document.querySelector('article') || document.body;
  const walker = document.createTreeWalker(whole, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.parentElement.closest('pre, code, script, style, mjx-container')) continue;
    if (/\\\(|\\\[|\$\$|\\frac|\\sum/.test(node.nodeValue)) found.push(node.nodeValue.trim().slice(0, 80));
  }
  for (const bad of document.querySelectorAll('mjx-merror')) found.push('formula: ' + bad.textContent.slice(0, 80));
  return found;
})()"""

#: A block whose content is cut off: it hides what it cannot show.
CLIPPED = r"""(() => ['pre', 'table', 'mjx-container', 'img', '.cell']
  .flatMap(kind => [...document.querySelectorAll('article ' + kind)])
  .filter(e => e.scrollWidth > e.clientWidth + 1 && ['hidden', 'clip'].includes(getComputedStyle(e).overflowX))
  .map(e => e.tagName + ': ' + e.textContent.trim().slice(0, 60)))()"""

SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class _Places(HTMLParser):
    def __init__(self):
        super().__init__()
        self.links, self.names = [], set()

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.names |= {given[key] for key in ("id", "name") if given.get(key)}
        for key in ("href", "src"):
            if given.get(key) and tag in ("a", "img", "link", "script"):
                self.links.append(given[key])


@cache
def places(page):
    parser = _Places()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


def broken(page, site=SITE):
    """Internal links of a page that lead nowhere."""
    found = []
    for link in places(page).links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc or link.startswith("#top"):
            continue
        target = page if not parts.path else (page.parent / unquote(parts.path)).resolve()
        target = target / "index.html" if target.is_dir() else target
        if not target.is_file() or (
            parts.fragment and target.suffix == ".html" and unquote(parts.fragment) not in places(target).names
        ):
            found.append(link)
    return found


def written():
    return sorted(page for page in SITE.rglob("*.html") if not {"_static", "_modules"} & set(page.parts))


def test_all_internal_links_resolve():
    assert len(written()) > 50
    wrong = {str(page.relative_to(SITE)): links for page in written() if (links := broken(page))}
    assert wrong == {}


def test_a_link_that_leads_nowhere_is_noticed(tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<p id="here"></p><a href="#here">.</a><a href="#gone">.</a><a href="other.html">.</a>')
    assert broken(page) == ["#gone", "other.html"]


def test_the_pages_need_no_network():
    for page in written():
        asked = [link for link in places(page).links if urlsplit(link).netloc]
        text = page.read_text(encoding="utf-8")
        assert not [link for link in asked if f'src="{link}"' in text], page


def complaints(browser, page, width):
    """All that a reader would see wrong with a page at this width."""
    shown = browser.open(page, width=width)
    try:
        shown.wait("!document.querySelector('.math') || !!document.querySelector('mjx-container')")
        sideways = shown.evaluate(SIDEWAYS)
        return {
            name: what
            for name, what in {
                "console": shown.errors, "raw": shown.evaluate(RAW), "clipped": shown.evaluate(CLIPPED),
                "sideways": sideways if sideways > 1 else 0,
                "network": [url for url in shown.requests if url.startswith("http")],
            }.items()
            if what
        }  # fmt: skip
    finally:
        shown.close()


@seen
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_shown_as_it_is_meant(browser, page, width):
    assert complaints(browser, SITE / page, width) == {}


@seen
@pytest.mark.nightly
@pytest.mark.parametrize("width", [1280, 390])
def test_all_pages_are_shown_as_they_are_meant(browser, width):
    pages = [page for page in written() if "generated" not in page.parts]
    wrong = {str(page.relative_to(SITE)): said for page in pages if (said := complaints(browser, page, width))}
    assert wrong == {}


@seen
def test_a_page_that_is_not_is_noticed(browser, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        '<!doctype html><meta name="viewport" content="width=device-width">'
        r"<article>\(x\)<pre style='overflow:hidden;width:50px'>" + "wide " * 99 + "</pre><p style='width:3000px'>"
        "far</p></article><script>console.error('no')</script>"
    )
    assert set(complaints(browser, page, 390)) == {"console", "raw", "clipped", "sideways"}
