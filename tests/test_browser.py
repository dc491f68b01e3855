"""The browser of the tests sees what it is there to see: each check has a page that fails it."""

import pytest

GOOD = """<!doctype html><meta charset="utf-8"><title>page</title><style>.box {width: 90px; overflow: auto}</style>
<p id="top">words <a href="#top">up</a></p>
<div class="box"><pre>a very long line in a box that scrolls by itself</pre></div>
<details><summary>more</summary><ul><li>what is folded away</ul></details>
<button onclick="this.textContent = 'clicked'">press</button> <input id="text"> <input type="range" id="slider">
<a id="file" download="a.csv" href="data:text/csv;base64,YSxiCjEsMgo=">file</a>
<div id="pad" style="width: 100px; height: 100px"
 onpointermove="if (event.buttons) this.title = event.offsetX"></div>
"""


@pytest.fixture
def opened(browser, tmp_path):
    def make(text, **how):
        (tmp_path / "page.html").write_text(text, encoding="utf-8")
        return browser.open(tmp_path / "page.html", **how)

    return make


def test_a_good_page(opened, tmp_path):
    page = opened(GOOD, width=390, downloads=tmp_path)
    assert page.errors == page.too_wide() == page.overlaps() == page.dead_anchors() == []
    assert page.evaluate("innerWidth") == 390
    assert page.links()[0] == "#top"
    page.click("button")
    assert page.evaluate("document.querySelector('button').textContent") == "clicked"
    page.set_value("#slider", 70)
    assert page.evaluate("document.querySelector('#slider').value") == "70"
    page.click("#text")
    page.press("a")
    assert page.evaluate("document.querySelector('#text').value") == "a"
    page.drag("#pad", 30, 0)
    assert page.evaluate("document.querySelector('#pad').title") == "80"
    page.click("#file")
    page.browser.drain(0.5)
    assert (tmp_path / "a.csv").read_text() == "a,b\n1,2\n"
    page.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
    page.close()


@pytest.mark.parametrize(
    "script", ["console.error('oh')", "missing()", "setTimeout(() => { throw new Error('late') }, 0)"]
)
def test_errors_are_seen(opened, script):
    page = opened(f"<!doctype html><script>{script}</script>")
    page.browser.drain(0.1)
    assert page.errors
    page.close()


def test_a_missing_file_is_an_error(opened):
    page = opened('<!doctype html><img src="missing.png">')
    assert page.errors
    page.close()


def test_what_is_too_wide_is_seen(opened):
    page = opened("<!doctype html><p style='width: 600px'>wide</p>", width=390)
    assert len(page.too_wide()) == 1
    page.resize(800)
    assert page.too_wide() == []
    page.close()


def test_overlaps_are_seen(opened):
    page = opened("<!doctype html><p>one line</p><p style='margin-top: -34px'>another</p>")
    assert len(page.overlaps()) == 1
    page.close()


def test_dead_anchors_are_seen(opened):
    page = opened("<!doctype html><a href='#nowhere'>go</a>")
    assert page.dead_anchors() == ["nowhere"]
    page.close()
