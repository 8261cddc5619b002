"""Hosts and pods that programs are compiled for, as libtpu names them: each has eight cores."""

REPLICAS = 8

# v2, v3 and v4 have two cores on a chip. v7x is not known to this libtpu.
TOPOLOGIES = ("v2:2x2", "v3:2x2", "v4:2x2x1", "v5e:2x4", "v5p:2x2x2", "v6e:2x4")
