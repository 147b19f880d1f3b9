"""What authors of plugins test with: checks for each kind of plugin, fakes with real semantics, recordings.

Subclass `connectors.ConnectorConformance`, `rewards.RewardTypeConformance`, `rails.PayoutRailConformance`,
`models.AttributionModelConformance` or `landing.LandingBlockConformance` in a test; `plugins/AUTHORING.md` shows how.
Only `plugin` knows pytest.
"""
