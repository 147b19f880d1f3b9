"""Fake installed distributions: a dist-info folder and a module on `sys.path`, as an installer would leave them."""

import sys
import textwrap

import pytest

MANIFEST = """
from engine.plugin_api import PluginManifest, hookimpl


@hookimpl
def manifest():
    return PluginManifest(name="{name}", version="2.1", title="A title", summary="A summary.")
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a distribution with one plugin; its module holds a good manifest unless `manifest` is False."""
    known = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)

    def make(name, source="", *, distribution=None, manifest=True, target=None):
        distribution = distribution or f"{name}-dist"
        module = f"fake_{distribution.replace('-', '_')}"
        code = (MANIFEST.format(name=name) if manifest else "") + textwrap.dedent(source)
        (tmp_path / f"{module}.py").write_text(code, encoding="utf-8")
        info = tmp_path / f"{distribution.replace('-', '_')}-3.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 3.0\n", encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[goodword.plugins]\n{name} = {target or module}\n", encoding="utf-8")
        return module

    yield make
    for module in set(sys.modules) - known:
        if module.startswith("fake_"):
            del sys.modules[module]
