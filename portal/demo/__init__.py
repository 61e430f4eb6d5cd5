"""
The demo: a small network with two months behind it, for whoever looks at this for the first time.

`cast` names what there is, `history` invents what happened, `loading` writes it, `passwords` and
`fleet` keep the two files in DATA_DIR/demo, `start` is what `make run` asks.
"""
