"""The basic models are what the host expects of attribution models."""

from engine.testing.models import AttributionModelConformance
from plugins import attribution_basic
from plugins.attribution_basic.model import BasicModel, FirstModel, FirstStrictModel


class TestBasic(AttributionModelConformance):
    plugin = attribution_basic
    model = BasicModel()


class TestFirst(AttributionModelConformance):
    plugin = attribution_basic
    model = FirstModel()


class TestFirstStrict(AttributionModelConformance):
    plugin = attribution_basic
    model = FirstStrictModel()
