"""A second engine, as plain as possible: lists and loops, no index, no timer heap, no table of transitions.

It receives the same events at the same times as `routing.core`, keeps a separate state and returns its decisions. It
shares the values that go in and out (`events`, `model`, `commands`, `stored`, `ids`) with the engine, and nothing else.
`side_by_side.py` compares the two.

Modules: `state` the records, `house` the way of an event and of the clock, `callers` the events of callers, `calls`
offers and talks, `consults` consult transfers, `callbacks` callbacks, `steps` requirements over time, `shifts` agent
states, `burden` loads, rests and breaks, `settings` reloads, links, hours and restarts, `choice` the assignment,
`claims` agents who are taken back for distress, `words` expressions, `learned` what calls teach for expected waits,
`crowd` a random house and its events.

Two numbers are left out. Both sides are given the expected handle time that protects a break (`SideBySide.takes_s`;
`test_handled` tests how it is learned). The oracle takes the expected wait of a new caller from the engine. The
comparison ignores numbers of facts, versions, counts in the decision record, and the order of callers and phones that
come due at the same moment.
"""

from __future__ import annotations
