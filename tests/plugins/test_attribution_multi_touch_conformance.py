"""Each multi-touch model is what the host expects of an attribution model."""

from engine.testing.models import AttributionModelConformance
from plugins import attribution_multi_touch as plugin_module

LINEAR, HALVED, ENDS = plugin_module.attribution_models()


class TestLinear(AttributionModelConformance):
    plugin = plugin_module
    model = LINEAR


class TestHalved(AttributionModelConformance):
    plugin = plugin_module
    model = HALVED


class TestEnds(AttributionModelConformance):
    plugin = plugin_module
    model = ENDS
