"""Near money there is no float, no inexact division and no second way to round; only a unit of work commits."""

import ast

import pytest

from tests.support.source import ROOT, modules, place, tree

MONEY = modules("engine/kernel/money.py", "engine/ledger", "engine/rewards", "engine/payouts", "plugins/rewards_*")
ROUNDS = ROOT / "engine/kernel/money.py"
COMMIT = {
    ROOT / "engine/kernel/database.py",
    ROOT / "engine/tracking/clicks/store.py",  # clicks, which are no money and cannot wait for a session to be made
}


def is_exact(node):
    """A division is exact where a Fraction made on the spot is being divided; `/` also joins paths."""
    if isinstance(node.right, ast.Constant | ast.JoinedStr) and not isinstance(getattr(node.right, "value", ""), int):
        return True
    return any(
        isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id in {"Fraction", "Path"}
        for inner in ast.walk(node.left)
    )


def inexact(node):
    match node:
        case ast.Constant(value=float()):
            return "a float literal"
        case ast.Name(id="float"):
            return "float"
        case ast.BinOp(op=ast.Div()) if not is_exact(node):
            return "divides: write Fraction(a, b)"
        case ast.AugAssign(op=ast.Div()):
            return "divides in place"
        case _:
            return None


def rounding(node):
    match node:
        case ast.Call(func=ast.Name(id="round")) | ast.Call(func=ast.Attribute(attr="quantize" | "floor" | "ceil")):
            return True
        case _:
            return False


def commits(node):
    match node:
        case ast.Call(func=ast.Attribute(attr="commit")):
            return True
        case _:
            return False


def findings(paths, judge):
    return [f"{place(path, node)} {judge(node)}" for path in paths for node in ast.walk(tree(path)) if judge(node)]


def test_there_is_money_code_to_look_at():
    assert ROUNDS in MONEY


def test_no_float_comes_near_money():
    assert findings(MONEY, inexact) == []


def test_there_is_one_way_to_round():
    assert findings([path for path in MONEY if path != ROUNDS], rounding) == []


def test_only_the_unit_of_work_and_the_store_of_clicks_commit():
    assert findings([path for path in modules("engine", "web", "plugins") if path not in COMMIT], commits) == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("x = 0.5", True),
        ("x = float(y)", True),
        ("def f(x: float): pass", True),
        ("x = total / count", True),
        ("x = total / 100", True),
        ("x /= 2", True),
        ("x = Fraction(total) * weight / whole", False),
        ("x = folder / 'file.csv'", False),
        ("x = folder / f'{name}.csv'", False),
        ("x = total // 100", False),
    ],
)
def test_the_judge_of_floats_judges(code, found):
    assert any(map(inexact, ast.walk(ast.parse(code)))) is found
