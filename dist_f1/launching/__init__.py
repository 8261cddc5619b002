"""Start the worker processes of a job on this machine, watch them and stop them.

cluster -> processes (each runs `bootstrap`) -> failures -> supervisor
"""
