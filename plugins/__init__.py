"""The plugins that come with Goodword, each found by entry point exactly as a third party's would be."""
