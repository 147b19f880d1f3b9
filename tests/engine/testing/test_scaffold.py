"""A new plugin's tests pass as it was written, with Goodword installed from a wheel and nothing else of this tree."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner

from engine.cli import main
from engine.cli.plugins import command
from engine.kernel.errors import InputError
from engine.plugin_api import API_VERSION
from engine.testing.scaffold import Kind, new_package
from tests.support.source import ROOT

NAMES = {
    Kind.CONNECTOR: "corner_shop",
    Kind.REWARD: "big_orders",
    Kind.RAIL: "acme_bank",
    Kind.ATTRIBUTION: "latest",
    Kind.LANDING: "how_to",
}

FILES = {"pyproject.toml", "README.md", ".github/workflows/tests.yml"}


def run(*command, cwd):
    """Run a program without the settings of this machine; its words are the failure."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GOODWORD_", "PYTHON", "PYTEST"))}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=kept, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("name", ["acme_shop", "acme2", "the_acme"])
@pytest.mark.parametrize("kind", Kind, ids=[kind.value for kind in Kind])
def test_a_name_that_holds_the_template_s_is_put_in_once(kind, name, tmp_path):
    folder = new_package(kind, name, into=tmp_path)
    other = new_package(kind, "corner_shop", into=tmp_path)
    words = {"corner_shop": name, "corner-shop": name.replace("_", "-"), "CornerShop": name.title().replace("_", "")}
    words["Corner shop"] = name.replace("_", " ").capitalize()
    for path in (path for path in other.rglob("*") if path.is_file()):
        expected, place = path.read_text(), path.relative_to(other).as_posix()
        for old, new in words.items():
            expected, place = expected.replace(old, new), place.replace(old, new)
        assert (folder / place).read_text() == expected, place


@pytest.mark.parametrize("kind", Kind, ids=[kind.value for kind in Kind])
def test_a_new_package_is_about_its_name_and_nothing_else(kind, tmp_path):
    folder = new_package(kind, "corner_shop", into=tmp_path)
    assert folder.name == "goodword-corner-shop"
    files = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert {"pyproject.toml", "README.md", ".github/workflows/tests.yml", "goodword_corner_shop/__init__.py"} <= set(
        files
    )
    assert any(name.startswith("tests/test_") for name in files)
    for name, text in files.items():
        assert "acme" not in text.lower(), name
        assert "KIND" not in text, name
        assert "API_NOW" not in text, name
        assert "HOW_TO" not in text, name
        assert "engine.testing.fakes.shop_" not in text, name
        assert not name.endswith("y/__init__.py") or f'api="{API_VERSION}"' in text, name
        if name.endswith(".py"):
            compile(text, name, "exec")
            allowed = ("engine.plugin_api", "engine.testing", "goodword_corner_shop")
            ours = [line.split()[1] for line in text.splitlines() if line.startswith(("from engine", "from goodword"))]
            assert all(module.startswith(allowed) for module in ours), name
            assert name.startswith("tests/") or all(not module.startswith("engine.testing") for module in ours), name


def test_the_command_says_where_it_is_and_what_to_do_next(tmp_path):
    result = CliRunner().invoke(command, ["new", "attribution", "latest", "--into", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "holds the attribution model latest" in result.output
    assert (tmp_path / "goodword-latest" / "goodword_latest" / "model.py").exists()


def said_to(arguments, tmp_path):
    """What `goodword plugins new` answers to what it refuses; nothing was written."""
    result = CliRunner().invoke(main, ["plugins", "new", *arguments], catch_exceptions=False)
    structlog.reset_defaults()
    assert result.exit_code == 1
    assert result.stderr.startswith("goodword: ")
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
    return result.stderr


NO_NAMES = ["", "a", "Acme", "acme-shop", "../acme", "1acme", "acme shop", "x" * 41, "acme_", "_acme", "a__b", "acme\n"]


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_is_no_plugin_name_is_refused(name, tmp_path):
    assert "is no name for a new plugin" in said_to(["rail", name, "--into", str(tmp_path)], tmp_path)


def test_the_name_of_an_installed_plugin_is_refused(tmp_path):
    said = said_to(["rail", "shopify", "--into", str(tmp_path)], tmp_path)
    assert "goodword brings a plugin shopify already" in said


@pytest.mark.parametrize(
    ("kind", "word", "name"), [("reward", "reward type", "percentage"), ("attribution", "attribution model", "basic")]
)
def test_the_name_of_a_noun_that_is_registered_is_refused(kind, word, name, tmp_path):
    assert f"registers the {word} {name} already" in said_to([kind, name, "--into", str(tmp_path)], tmp_path)


@pytest.mark.parametrize("place", ["/proc/nowhere", __file__])
def test_where_nothing_can_be_written_is_said(place, tmp_path):
    assert "goodword-acme cannot be written: " in said_to(["rail", "acme", "--into", place], tmp_path)


def test_nothing_is_written_over(tmp_path):
    new_package(Kind.RAIL, "acme", into=tmp_path)
    with pytest.raises(InputError, match="there already"):
        new_package(Kind.REWARD, "acme", into=tmp_path)


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """A fresh Python with Goodword's wheel; what Goodword needs comes from this one's packages, without its sources."""
    place = tmp_path_factory.mktemp("fresh")
    source = place / "source"
    source.mkdir()
    for name in ("engine", "plugins", "web", "migrations", "pyproject.toml", "README.md", "LICENSE"):
        origin = ROOT / name
        if origin.is_dir():
            shutil.copytree(origin, source / name, ignore=shutil.ignore_patterns("__pycache__", "vendor"))
        else:
            shutil.copy(origin, source / name)
    (source / "web" / "static" / "vendor").mkdir(parents=True, exist_ok=True)
    wheel(source, place)
    venv.create(place / "venv", with_pip=False, symlinks=True)
    fresh = place / "venv" / "bin" / "python"
    site = Path(run(fresh, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=place).strip())
    # A plain line adds the folder, and does not read the .pth files inside it: the sources here stay out of sight.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install(fresh, place)
    return fresh


def wheel(source, into):
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", "wheel", *offline, "--wheel-dir", into, source, cwd=into)


def install(fresh, folder):
    offline = ("--no-deps", "--no-index", "--quiet", "--disable-pip-version-check", "--no-compile")
    run(sys.executable, "-m", "pip", "--python", fresh, "install", *offline, *folder.glob("*.whl"), cwd=folder)


@pytest.mark.slow
def test_the_tests_of_new_plugins_pass_where_goodword_came_as_a_wheel(python, tmp_path):
    assert str(ROOT) not in run(python, "-P", "-c", "import engine; print(engine.__file__)", cwd=tmp_path)
    folders = []
    for kind, name in NAMES.items():
        run(python, "-P", "-m", "engine.cli", "plugins", "new", kind, name, cwd=tmp_path)
        folder = tmp_path / f"goodword-{name.replace('_', '-')}"
        assert all((folder / file).exists() for file in FILES)
        wheel(folder, tmp_path)
        folders.append(folder)
    packages = [next(folder.glob("goodword_*")) for folder in folders]
    strict = ("-m", "mypy", "--strict", "--cache-dir", tmp_path / "mypy", "--python-executable", python)
    assert "no issues found" in run(sys.executable, *strict, *packages, cwd=tmp_path)
    for package in packages:
        shutil.rmtree(package)  # what is installed is what is tested
    install(python, tmp_path)
    output = run(python, "-P", "-m", "pytest", "-v", "-p", "no:cacheprovider", *folders, cwd=tmp_path)
    summary = output.strip().splitlines()[-1]
    assert " passed" in summary
    assert "failed" not in summary
    assert "skipped" not in summary
    assert output.count("PASSED") > 50
    assert "goodword: TestCornerShop leaves out 2 checks (no completion, no files)." in output
    listed = run(python, "-P", "-m", "engine.cli", "plugins", "check", "corner_shop", cwd=tmp_path)
    assert "corner_shop  active" in listed
