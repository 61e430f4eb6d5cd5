"""
Many stations in one process, each with a life of its own.

`cast` says which there are, `file` reads them, `visits` decides who comes when and with what,
`resident` lives it, `board` shows it, `crowd` begins and ends it all, `command` is the verb.

Time. The fleet lives in real time: the clocks of its stations are right, and power times elapsed
time is energy, so that a central system finds nothing odd. Sessions stay short because vehicles
want little. `speed` never touches the clock or the meter: it divides the waits (until somebody
comes, how long a full vehicle stays) and what the vehicles want.
"""
