"""The shape of the code: small files and functions, a sentence at the head of each file, few positional parameters.

Revisions of the database are measured by none of this: they are flat lists, written once and never edited.
"""

import ast

import pytest

from tests.support.source import CODE, ROOT, functions, modules, place, tracked, tree

FILE_CAP = 500
FUNCTION_CAP = 60
FUNCTION_LONG = 40
LONG_SHARE = 0.03
POSITIONAL_CAP = 2
GIVEN = {("plugins/stripe_payments/library.py", "request"), ("web/bridge.py", "response_bytes")}
"""Functions that somebody else's library calls, or gives, in its way."""

REVISIONS = ROOT / "migrations" / "versions"
OURS = [path for path in modules(*CODE) if path.parent != REVISIONS]
EVERY_MODULE = [*OURS, *modules("tests", "requirements")]
TEXTS = {".py", ".html", ".css", ".js", ".md"}


def length(function):
    return function.end_lineno - function.lineno + 1


def positional(function):
    names = [one.arg for one in function.args.posonlyargs + function.args.args]
    names = names[1:] if names[:1] in (["self"], ["cls"]) else names
    return names[1:] if names[:1] == ["unit"] else names  # the open unit of work is where one stands, like self


def test_there_is_code_to_look_at():
    assert len(OURS) > 20


def test_no_file_is_past_500_lines():
    written = (path for path in tracked() if path.suffix in TEXTS and path.parent != REVISIONS)
    lengths = {path: path.read_text(encoding="utf-8").count("\n") for path in written}
    assert {str(path.relative_to(ROOT)): lines for path, lines in lengths.items() if lines > FILE_CAP} == {}


def test_no_function_is_past_60_lines():
    assert [place(path, one) for path in EVERY_MODULE for one in functions(path) if length(one) > FUNCTION_CAP] == []


def test_functions_are_rarely_past_40_lines():
    sizes = {place(path, one): length(one) for path in OURS for one in functions(path)}
    long = {where: size for where, size in sizes.items() if size > FUNCTION_LONG}
    assert len(long) <= max(3, LONG_SHARE * len(sizes)), long


@pytest.mark.parametrize("path", EVERY_MODULE, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_says_what_it_is_for(path):
    sentence = ast.get_docstring(tree(path)) or ""
    assert sentence.strip().partition("\n\n")[0].endswith((".", "?")), f"{path.relative_to(ROOT)}: {sentence!r}"


def test_parameters_after_the_second_are_keyword_only():
    public = (
        (path, one)
        for path in modules("engine", "plugins", "web")
        for one in functions(path)
        if not one.name.startswith("_") and (str(path.relative_to(ROOT)), one.name) not in GIVEN
    )
    assert [place(path, one) for path, one in public if len(positional(one)) > POSITIONAL_CAP] == []
