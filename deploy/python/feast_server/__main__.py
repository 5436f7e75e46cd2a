"""`python -m feast_server` is the command `feast-server`."""

from feast_server._binary import run

run()
