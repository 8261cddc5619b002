"""Run one job on several machines: a launcher on each of them, which agree on every start.

addresses, messages -> knowledge -> causes -> agreement (what to do next) -> exchange (HTTP) ->
supervisor
"""
