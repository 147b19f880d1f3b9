"""The demo brand: eighteen months of a real purchase log, run through the engine as a shop's orders would be."""
