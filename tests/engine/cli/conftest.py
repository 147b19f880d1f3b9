"""The real commands, run in this process against a database of the test's own."""

import json
import re
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner

from engine.cli import main
from engine.identity.queries import brands
from engine.identity.sessions import login_of_link


@pytest.fixture
def goodword(db_url, tmp_path, monkeypatch):
    """Run `goodword` with some arguments; it must succeed unless `fails` is the exit code that it is to have."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GOODWORD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GOODWORD_DATABASE_URL", db_url)

    def run(*arguments, fails=0):
        result = CliRunner().invoke(main, [*arguments], catch_exceptions=False)
        assert result.exit_code == fails, result.output
        return json.loads(result.stdout) if "--json" in arguments and not fails else result.output

    yield run
    structlog.reset_defaults()


@pytest.fixture
def brand(goodword):
    """A brand with the open program `friends`, ten percent on everything."""
    goodword("brand", "create", "halfmoon", "--name", "Halfmoon", "--owner", "owner@halfmoon.example")
    goodword("program", "create", "friends", "--name", "Friends", "--currency", "EUR", "--priority", "1")
    goodword("program", "publish", "friends", template(goodword, "percentage"))
    return goodword


def template(goodword, kind):
    """Write a template into a file, as a user does, and return the file's name."""
    Path(f"{kind}.toml").write_text(goodword("program", "template", kind), encoding="utf-8")
    return f"{kind}.toml"


def brand_id(unit, slug="halfmoon"):
    """The id of a brand that is there."""
    [found] = [one.id for one in brands(unit) if one.slug == slug]
    return found


def signed_in_by(unit, link):
    """The login that a printed link would sign in, which must be a good one."""
    token = re.search(r"/sign-in/(\S+)", link)
    login = login_of_link(unit, token[1]) if token else None
    assert login, link
    return login
