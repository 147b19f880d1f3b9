"""Plugins that break at every point where one can: each is quarantined with a reason, and nobody else is harmed."""

import sys

import pytest
from structlog.testing import capture_logs

from engine.plugin_host import PluginState, UnknownPluginNounError, load_plugins

IN_TREE = ("attribution_basic", "csv_orders", "payout_csv", "rewards_cash")

REWARD = """
from engine.plugin_api import Due, PeriodDue, RewardParams


class Reward:
    name = "{noun}"
    title = "A reward"
    params_model = RewardParams
    settles_periods = False

    def due(self, cases):
        {due}

    def due_for_period(self, cases):
        return [PeriodDue() for _ in cases]

    def describe(self, params, *, rates_bps):
        return "Something."


@hookimpl
def reward_types():
    return [Reward()]
"""


def reward(noun="gift", due="return [Due() for _ in cases]"):
    return REWARD.format(noun=noun, due=due)


def status_of(host, name):
    return next(status for status in host.statuses() if status.name == name)


def assert_only_failed(host, name, *words):
    """`name` is quarantined with a reason that says `words`; every plugin of the house is active."""
    status = status_of(host, name)
    assert status.state is PluginState.FAILED
    for word in words:
        assert word in status.reason
    assert status.reason.endswith(".")
    assert "\n" not in status.reason
    for other in IN_TREE:
        assert status_of(host, other).state is PluginState.ACTIVE
    assert host.reward_type("percentage").plugin == "rewards_cash"


def test_a_good_stranger_is_active(install):
    install("acme", reward())
    host = load_plugins(["acme", *IN_TREE])
    status = status_of(host, "acme")
    assert status.state is PluginState.ACTIVE
    assert (status.version, status.distribution, status.reason) == ("2.1", "acme-dist", None)
    assert status.kinds == ("reward_types",)
    assert host.reward_type("gift").version == "2.1"


def test_installed_is_not_enabled_and_never_imported(install):
    module = install("acme", "raise SystemExit('must not be imported')")
    host = load_plugins(IN_TREE)
    assert status_of(host, "acme").state is PluginState.OFF
    assert status_of(host, "acme").distribution == "acme-dist"
    assert module not in sys.modules


def test_nothing_enabled_boots_with_nothing(install):
    host = load_plugins([])
    assert {status.state for status in host.statuses()} == {PluginState.OFF}
    assert not host.connectors
    with pytest.raises(UnknownPluginNounError, match="reward type 'percentage'"):
        host.reward_type("percentage")


def test_enabled_but_not_installed_is_said(install):
    assert_only_failed(load_plugins(["nowhere", *IN_TREE]), "nowhere", "not installed")


BREAKS = {
    "raises at import": ("raise RuntimeError('boom')", ["cannot be imported", "RuntimeError", "boom"]),
    "exits at import": ("raise SystemExit(3)", ["cannot be imported", "SystemExit"]),
    "imports what is not there": ("import nothing_of_that_name", ["nothing_of_that_name"]),
    "is no Python": ("def (", ["SyntaxError"]),
    "misspells a hook": ("@hookimpl\ndef reward_tipes(): return []", ["unknown hook 'reward_tipes'"]),
    "asks for arguments": ("@hookimpl\ndef connectors(session): return []", ["session"]),
    "raises in a hook": ("@hookimpl\ndef connectors(): raise KeyError('x')", ["cannot be registered", "KeyError"]),
    "exits in a hook": ("@hookimpl\ndef connectors(): raise SystemExit", ["SystemExit"]),
    "raises while listing": ("@hookimpl\ndef connectors():\n    yield 1 / 0", ["ZeroDivisionError"]),
    "gives one object": ("@hookimpl\ndef connectors(): return 7", ["connectors", "int"]),
    "gives text": ("@hookimpl\ndef connectors(): return 'abc'", ["connectors", "str"]),
    "gives what is no noun": ("@hookimpl\ndef payout_rails(): return [object()]", ["no payout rail"]),
    "gives a class": (reward().replace("[Reward()]", "[Reward]"), ["no reward type"]),
    "names a noun badly": (reward("Gift Card"), ["'Gift Card'"]),
    "names a noun by a number": (reward().replace('"gift"', "7"), ["reward type 7"]),
    "gives no title": (reward().replace('"A reward"', '""'), ["no title"]),
    "gives no params model": (reward().replace("= RewardParams", "= dict"), ["params_model"]),
    "does not say whether it settles": (reward().replace("= False", "= None"), ["settles periods"]),
    "registers a noun twice": (reward().replace("[Reward()]", "[Reward(), Reward()]"), ["twice"]),
    "gives other settings": ("@hookimpl\ndef settings_model(): return dict", ["settings_model"]),
    "lets settings be anything": (
        """
        from engine.plugin_api import PluginSettings
        class Loose(PluginSettings, extra="allow"): pass
        @hookimpl
        def settings_model(): return Loose
        """,
        ["unknown keys"],
    ),
    "breaks in its own message": (
        "class Rude(Exception):\n    def __str__(self): raise ValueError\nraise Rude",
        ["Rude"],
    ),
    "says it in many lines": ("raise RuntimeError('a\\nb\\x1b[31mc')", ["a b"]),
    "breaks when looked at": (
        reward().replace('name = "gift"', "name = property(lambda self: 1 / 0)"),
        ["ZeroDivisionError"],
    ),
}


@pytest.mark.parametrize("how", BREAKS)
def test_a_plugin_that(how, install):
    source, words = BREAKS[how]
    install("acme", source)
    assert_only_failed(load_plugins(["acme", *IN_TREE]), "acme", *words)


API_1_1 = """
from engine.plugin_api import PluginManifest, hookimpl


@hookimpl
def manifest():
    return PluginManifest(name="early", version="1", title="T", summary="S", api="1.1")
"""

MANIFESTS = {
    "is missing": ("", ["manifest is missing"]),
    "is something else": ("@hookimpl\ndef manifest(): return 'acme'", ["PluginManifest"]),
    "has another name": ("@hookimpl\ndef manifest(): return M(name='other')", ["'other'", "'acme'"]),
    "has no plugin name": ("@hookimpl\ndef manifest(): return M(name='A b')", ["no plugin name"]),
    "is of another API": ("@hookimpl\ndef manifest(): return M(api='2.0')", ["API 2.0", "1.0"]),
    "is of an API of the past": ("@hookimpl\ndef manifest(): return M(api='0.9')", ["API 0.9", "1.0"]),
    "needs what is not there yet": ("@hookimpl\ndef manifest(): return M(api='1.7')", ["API 1.7", "offers 1.0"]),
    "gives an API that is none": ("@hookimpl\ndef manifest(): return M(api='1.x')", ["'1.x'", "such as 1.0"]),
    "gives an API that is no text": ("@hookimpl\ndef manifest(): return M(api=1)", ["no text"]),
    "gives no version": ("@hookimpl\ndef manifest(): return M(version='')", ["version"]),
}


@pytest.mark.parametrize("how", MANIFESTS)
def test_a_manifest_that(how, install):
    source, words = MANIFESTS[how]
    head = (
        "from engine.plugin_api import PluginManifest, hookimpl\n"
        "def M(name='acme', version='1', api='1.0'):\n"
        "    return PluginManifest(name=name, version=version, title='T', summary='S', api=api)\n"
    )
    install("acme", head + source, manifest=False)
    assert_only_failed(load_plugins(["acme", *IN_TREE]), "acme", *words)


def test_a_plugin_stays_what_it_was_written_for_while_goodword_moves_on(install, monkeypatch):
    """One that says nothing was written for the first API, and not for whatever it is loaded by."""
    install("silent")
    install("early", API_1_1, manifest=False)
    for offered, active in (("1.0", {"silent"}), ("1.4", {"silent", "early"}), ("2.0", set())):
        monkeypatch.setattr("engine.plugin_host.register.API_VERSION", offered)
        host = load_plugins(["silent", "early"])
        assert {name for name in ("silent", "early") if status_of(host, name).state is PluginState.ACTIVE} == active


def test_an_entry_point_that_leads_to_nothing(install):
    install("acme", "nothing = None", target="fake_acme_dist:nothing")
    assert_only_failed(load_plugins(["acme", *IN_TREE]), "acme", "nothing")


def test_a_misspelt_hook_costs_its_author_alone(install):
    install("acme", "@hookimpl\ndef reward_tipes(): return []")
    install("bolt", reward("bolt_gift"))
    host = load_plugins(["acme", "bolt", *IN_TREE])
    assert_only_failed(host, "acme", "reward_tipes")
    assert status_of(host, "bolt").state is PluginState.ACTIVE


def test_a_noun_of_two_plugins_is_nobodys_and_both_are_named(install):
    install("acme", reward("gift"))
    install("bolt", reward("gift"))
    host = load_plugins(["acme", "bolt", *IN_TREE])
    for name in ("acme", "bolt"):
        assert_only_failed(host, name, "acme-dist", "bolt-dist", "reward type gift")
    with pytest.raises(UnknownPluginNounError, match=r"from acme-dist.*from bolt-dist"):
        host.reward_type("gift")


def test_a_stranger_cannot_take_over_how_money_is_priced(install):
    install("aaa", reward("percentage"))
    host = load_plugins(["aaa", *IN_TREE])
    assert "percentage" not in host.reward_types
    assert "goodword" in status_of(host, "aaa").reason
    assert "aaa-dist" in status_of(host, "rewards_cash").reason
    assert status_of(host, "csv_orders").state is PluginState.ACTIVE


def test_a_plugin_name_in_two_distributions_is_used_from_neither(install):
    first = install("acme", reward("one"), distribution="first-dist")
    second = install("acme", reward("two"), distribution="second-dist")
    host = load_plugins(["acme", *IN_TREE])
    assert_only_failed(host, "acme", "first-dist", "second-dist")
    assert not {first, second} & set(sys.modules)


def test_a_distribution_whose_metadata_is_broken_hides_nobody(install, tmp_path):
    broken = tmp_path / "aaa-1.0.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_bytes(b"Metadata-Version: 2.1\nName: aaa\nVersion: 1\n")
    (broken / "entry_points.txt").write_bytes(b"[goodword.plugins]\n\xff\xfe = \n")
    install("acme", reward())
    with capture_logs() as logs:
        host = load_plugins(["acme", *IN_TREE])
    assert status_of(host, "acme").state is PluginState.ACTIVE
    assert [line["event"] for line in logs] == ["distribution_unreadable"]


def test_a_person_may_still_interrupt_the_boot(install):
    install("acme", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_plugins(["acme"])


def test_quarantine_is_logged_with_its_reason(install):
    install("acme", "raise RuntimeError('boom')")
    with capture_logs() as logs:
        load_plugins(["acme"])
    assert [(line["event"], line["plugin"]) for line in logs] == [("plugin_quarantined", "acme")]
    assert "boom" in logs[0]["reason"]
