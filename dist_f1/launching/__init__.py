"""Starting the worker processes of a job on this machine, watching them, and ending them.

cluster -> processes (each runs `bootstrap`) -> failures -> supervisor
"""
