"""Start the worker processes of a job, watch them and stop them.

cluster -> processes (each runs `bootstrap`) -> run -> supervisor, or hosts for several machines
"""

from dist_f1.launching.heartbeat import alive as alive
