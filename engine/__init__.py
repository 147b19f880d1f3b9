"""The Goodword engine: the whole product without a screen."""
