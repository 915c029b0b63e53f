"""The terminal face: parse, call one verb, print its document."""

import gc

gc.set_threshold(50_000, 20, 20)  # loading modules makes no garbage, and looking for it costs 5 ms
