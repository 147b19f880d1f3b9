"""Copies the front-end files that npm fetched into web/static/vendor and builds the icon sprite.

Run by `make setup` as `python -m web.assets`. Nothing is compiled: the files are served as their makers published them,
without the pointers to source maps that are not served.
"""

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

STATIC = Path(__file__).resolve().parent / "static"
VENDOR = STATIC / "vendor"
ICON_LIST = STATIC / "icons.txt"
NODE_MODULES = STATIC.parent.parent / "node_modules"

TABLER = "@tabler/core/dist"
INTER = "@fontsource-variable/inter"
ICONS = "@tabler/icons/icons"

# Texts are copied with their source map pointer cut off, and with Inter's folder of fonts renamed.
TEXTS = {
    "tabler.min.css": f"{TABLER}/css/tabler.min.css",
    "tabler.min.js": f"{TABLER}/js/tabler.min.js",
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "inter.css": f"{INTER}/wght.css",
}
FONTS = f"{INTER}/files/*-wght-normal.woff2"
# What a printed card is set in: PDF wants whole fonts, not slices for the web.
PRINTED = {
    "fonts/inter-400.ttf": "@expo-google-fonts/inter/400Regular/Inter_400Regular.ttf",
    "fonts/inter-700.ttf": "@expo-google-fonts/inter/700Bold/Inter_700Bold.ttf",
}
LICENSES = {
    "htmx.LICENSE": "htmx.org/LICENSE",
    "inter.LICENSE": f"{INTER}/LICENSE",
    "tabler-icons.LICENSE": "@tabler/icons/LICENSE",  # Tabler itself has its notice at the head of each file
}

SVG = "http://www.w3.org/2000/svg"
SOURCE_MAP = re.compile(r"\n?(/\*# sourceMappingURL=\S+ \*/|//# sourceMappingURL=\S+)\s*$")


class AssetError(Exception):
    """A front-end file is not where it should be. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Assets:
    """What was made."""

    files: int
    icons: int


def build(source: Path, target: Path, *, icons: list[str]) -> Assets:
    """Fill `target` from the npm packages in `source`, with a sprite of `icons`; what was there before is replaced.

    Raises:
        AssetError: a file or an icon is missing in `source`.
    """
    fresh = target.with_name(f"{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    (fresh / "fonts").mkdir(parents=True)
    for name, place in TEXTS.items():
        text = SOURCE_MAP.sub("\n", _found(source / place).read_text(encoding="utf-8"))
        (fresh / name).write_text(text.replace("url(./files/", "url(fonts/"), encoding="utf-8")
    fonts = sorted(source.glob(FONTS))
    if not fonts:
        raise AssetError(f"No font matches {FONTS} in {source}. Run `npm ci`, then `make setup`.")
    for font in fonts:
        shutil.copyfile(font, fresh / "fonts" / font.name)
    for name, place in {**PRINTED, **LICENSES}.items():
        shutil.copyfile(_found(source / place), fresh / name)
    (fresh / "icons.svg").write_text(sprite(source / ICONS, icons), encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    return Assets(files=sum(path.is_file() for path in target.rglob("*")), icons=len(icons))


def sprite(source: Path, names: list[str]) -> str:
    """Return one SVG with a `<symbol>` per icon, named as in `names` without their folder.

    Line width is left to the page's style sheet; colour is the text's.

    Raises:
        AssetError: an icon is not in the set, or two would have the same id.
    """
    root = ET.Element("svg", {"xmlns": SVG})
    for name in names:
        folder, _, plain = name.rpartition("/")
        path = source / (folder or "outline") / f"{plain}.svg"
        if not path.exists():
            raise AssetError(f"Icon {name!r} of {ICON_LIST.name} is not in this version of the set. Take another one.")
        root.append(_symbol(path, plain if not folder else f"{plain}-{folder}"))
    ids = [symbol.attrib["id"] for symbol in root]
    if len(ids) != len(set(ids)):
        twice = sorted({name for name in ids if ids.count(name) > 1})
        raise AssetError(f"{ICON_LIST.name} names {', '.join(twice)} twice. Remove one line of each.")
    return ET.tostring(root, encoding="unicode") + "\n"


def listed(path: Path) -> list[str]:
    """Return the icon names in the list at `path`, without comments and empty lines."""
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def main() -> int:
    """Run as a command; return its exit code."""
    try:
        made = build(NODE_MODULES, VENDOR, icons=listed(ICON_LIST))
    except AssetError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Front-end files in place: {made.files} files, {made.icons} icons.")
    return 0


def _symbol(path: Path, name: str) -> ET.Element:
    drawing = ET.fromstring(path.read_text(encoding="utf-8"))  # noqa: S314 - from a locked package
    kept = ("viewBox", "fill", "stroke", "stroke-linecap", "stroke-linejoin")
    symbol = ET.Element("symbol", {"id": name})
    symbol.attrib.update({key: drawing.attrib[key] for key in kept if key in drawing.attrib})
    for shape in drawing:
        if shape.attrib.get("d") == "M0 0h24v24H0z":  # an invisible square that only a drawing program needs
            continue
        shape.tag = shape.tag.removeprefix(f"{{{SVG}}}")
        shape.tail = None
        symbol.append(shape)
    return symbol


def _found(path: Path) -> Path:
    if path.exists():
        return path
    raise AssetError(f"{path.name} is missing in node_modules. Run `npm ci`, then `make setup`.")


if __name__ == "__main__":
    sys.exit(main())
