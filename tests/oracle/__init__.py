"""A second engine, as plain as it can be: lists and loops, no index, no timer heap, no table of transitions.

It is told the same events at the same times as `routing.core`, keeps a state of its own and says what it would do. It
shares with the engine the values that go in and out (`events`, `model`, `commands`, `stored`, `ids`) and nothing else.
`duel.py` sets the two against each other.

Where to look: `state` what is remembered, `house` the way of an event and of the clock, `callers` what callers do,
`calls` offers and talks, `shifts` what agents do, `burden` loads, rests and breaks, `settings` reloads, links, hours
and restarts, `choice` who gets whom, `words` expressions, `crowd` a random house and what happens in it.

Two numbers are left out: the expected handle time that protects a break is told to both (`Duel.takes_s`;
how it is learned is tested in `test_core_handled`), and the expected wait that callers are told (`estimate`) changes no
choice. Not compared are numbers of facts and versions, counts in the decision record, and the order in which callers
and phones go that come due at the same moment.
"""

from __future__ import annotations
