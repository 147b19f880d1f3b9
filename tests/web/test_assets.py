"""The front-end files: copied whole, without pointers to what is not served, and a missing one says what to do."""

from xml.etree import ElementTree as ET

import pytest

from web.assets import (
    FONTS,
    ICON_LIST,
    ICONS,
    LICENSES,
    NODE_MODULES,
    PRINTED,
    TEXTS,
    AssetError,
    build,
    listed,
    sprite,
)

OUTLINE = """<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24" fill="none"
  stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" class="icon">
  <path stroke="none" d="M0 0h24v24H0z" fill="none" /><path d="M5 12l5 5l10 -10" /></svg>"""
FILLED = (
    """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="currentColor"><path d="M1 1h2z" /></svg>"""
)


@pytest.fixture
def packages(tmp_path):
    source = tmp_path / "node_modules"
    files = dict.fromkeys(TEXTS.values(), "a{src:url(./files/x.woff2)}\n/*# sourceMappingURL=a.css.map */")
    files |= dict.fromkeys([*LICENSES.values(), *PRINTED.values()], "as you like")
    files |= {FONTS.replace("*", "inter-latin"): "font"}
    files |= {f"{ICONS}/outline/check.svg": OUTLINE, f"{ICONS}/filled/star.svg": FILLED}
    for name, text in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    return source


def test_what_was_there_before_is_replaced(packages, tmp_path):
    target = tmp_path / "vendor"
    target.mkdir()
    (target / "old.js").write_text("gone")
    made = build(packages, target, icons=["check", "filled/star"])
    present = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    assert present == {*TEXTS, *LICENSES, *PRINTED, "icons.svg", "fonts/inter-latin-wght-normal.woff2"}
    assert (made.files, made.icons) == (len(present), 2)
    assert (target / "inter.css").read_text() == "a{src:url(fonts/x.woff2)}\n"


def test_the_sprite_keeps_shapes_and_leaves_colour_and_width_to_the_page(packages):
    symbols = {one.attrib["id"]: one for one in ET.fromstring(sprite(packages / ICONS, ["check", "filled/star"]))}
    assert symbols.keys() == {"check", "star-filled"}
    assert symbols["check"].attrib["stroke"] == "currentColor"
    assert "stroke-width" not in symbols["check"].attrib
    assert [shape.attrib["d"] for shape in symbols["check"]] == ["M5 12l5 5l10 -10"]


@pytest.mark.parametrize(
    "name", sorted([*TEXTS.values(), *LICENSES.values(), *PRINTED.values(), FONTS.replace("*", "inter-latin")])
)
def test_a_missing_file_is_named_and_nothing_is_replaced(packages, tmp_path, name):
    target = tmp_path / "vendor"
    build(packages, target, icons=["check"])
    (packages / name).unlink()
    with pytest.raises(AssetError, match="npm ci"):
        build(packages, target, icons=["check"])
    assert (target / "icons.svg").exists()


def test_an_unknown_icon_and_a_repeated_one_are_refused(packages):
    with pytest.raises(AssetError, match="'heart'"):
        sprite(packages / ICONS, ["heart"])
    with pytest.raises(AssetError, match="check twice"):
        sprite(packages / ICONS, ["check", "check"])


def test_every_icon_of_the_list_is_in_the_set_that_was_fetched():
    if not NODE_MODULES.exists():
        pytest.skip("no node_modules: run make setup")
    names = listed(ICON_LIST)
    assert len(ET.fromstring(sprite(NODE_MODULES / ICONS, names))) == len(names)
