"""What people write is drawn as text: whatever stands in it, nothing of it runs, loads or leads into this site."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tracking.pages.palette import stylesheet, tones_of
from engine.tracking.pages.prose import REL, html_of, words_of
from engine.tracking.site.colours import READABLE, contrast

ALLOWED = {"p", "br", "strong", "em", "a", "ul", "ol", "li", "blockquote", "h3"}


class Seen(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def harmless(page):
    seen = Seen(page)
    assert seen.open == []
    for tag, attributes in seen.tags:
        assert tag in ALLOWED
        assert set(attributes) <= {"href", "rel"}
        if "href" in attributes:
            assert attributes["href"].lower().startswith(("http://", "https://"))
            assert attributes["rel"] == REL
    return True


def test_what_can_be_written():
    assert html_of("# Why?\n\nBecause **it** is *good*.\nReally.") == (
        "<h3>Why?</h3>\n<p>Because <strong>it</strong> is <em>good</em>.<br>\nReally.</p>"
    )
    assert html_of("- one\n- two") == "<ul>\n<li>one</li>\n<li>two</li>\n</ul>"
    assert html_of("> said") == "<blockquote>\n<p>said</p>\n</blockquote>"
    assert html_of("[shop](https://shop.example/p?a=1&b=2)") == (
        '<p><a href="https://shop.example/p?a=1&amp;b=2" rel="nofollow ugc noopener">shop</a></p>'
    )
    assert html_of("") == ""


@pytest.mark.parametrize("level", range(1, 7))
def test_headings_are_all_of_one_level_below_the_page_s_own(level):
    assert html_of(f"{'#' * level} Hello") == "<h3>Hello</h3>"


PAYLOADS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "<iframe srcdoc='<script>'>",
    "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)", "[x](vbscript:x)", "[x](file:///etc/passwd)", "[x](//evil.example)",
    "[x](/sign-out)", "[x](\\\\evil.example)", "<javascript:alert(1)>", "<https://a.example/\"onmouseover=alert(1)>",
    "![x](https://a.example/pixel.gif)", "![x](x\"onerror=\"alert(1))", "[x]: javascript:alert(1)\n\n[x]",
    "[a](https://a.example \"t\" onclick=alert(1))", "<a href='https://a.example' style='x'>x</a>",
    "<style>*{}</style>",
    "<base href=//evil.example>", "<meta http-equiv=refresh content=0>", "<form action=//evil.example><input>",
    "<math><mtext></mtext><script>", "<!--><script>alert(1)</script>", "<![CDATA[<script>]]>", "&lt;script&gt;",
    "```html\n<script>alert(1)</script>\n```", "`<script>`", "    <script>", "\u0000<script>", "<scr\u0000ipt>",
    "<a href=\"javas&#99;ript:alert(1)\">x</a>", "[x](https://a.example)<script>", "**<b onclick=x>**", "~~x~~",
    "| a | b |\n|---|---|\n| <script> | x |", "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(PAYLOADS)))
def test_nothing_that_is_written_runs(number):
    assert harmless(html_of(PAYLOADS[number]))


@given(st.lists(st.one_of(st.sampled_from(PAYLOADS), st.text(max_size=12)), max_size=6).map("".join))
def test_whatever_is_written_is_harmless(text):
    page = html_of(text)
    assert harmless(page)
    assert len(words_of(text, longest=80)) <= 81


@pytest.mark.parametrize("text", ["[" * 5_000, "*" * 5_000, "> " * 2_500, "- " * 2_500, "![" * 2_500, "<" * 5_000])
def test_a_text_made_to_take_long_does_not(text):
    assert harmless(html_of(text))


def test_words_alone_are_cut_at_a_word():
    story = "# Hello\n\nI **love** [coffee](https://a.example) & tea, every single day of the year."
    assert words_of(story, longest=200) == "Hello I love coffee & tea, every single day of the year."
    assert words_of(story, longest=30) == "Hello I love coffee & tea…"


COLOURS = st.tuples(*[st.integers(0, 255)] * 3).map(lambda rgb: "#{:02x}{:02x}{:02x}".format(*rgb))


@given(COLOURS)
def test_whatever_a_brand_s_colour_is_words_on_it_and_in_it_can_be_read(colour):
    for tones, grounds in zip(tones_of(colour), (("#fbfaf8", "#ffffff"), ("#15131c", "#1e1b28")), strict=True):
        assert contrast(tones.fill, tones.on_fill) >= READABLE
        assert all(contrast(tones.word, ground) >= READABLE for ground in grounds)
        assert tones.fill == colour


def test_a_style_sheet_of_a_colour_holds_tones_and_nothing_else():
    assert stylesheet("#6b3fa0") == (
        ":root{--brand-fill:light-dark(#6b3fa0,#6b3fa0);--brand-on-fill:light-dark(#ffffff,#ffffff);"
        "--brand-edge:light-dark(#6b3fa0,#6b3fa0);--brand-word:light-dark(#6b3fa0,#9677bb);}\n"
    )
