"""The topologies to compile for, by their libtpu names; each has eight cores."""

REPLICAS = 8

# v2, v3 and v4 have two cores on a chip. This libtpu does not support v7x.
TOPOLOGIES = ("v2:2x2", "v3:2x2", "v4:2x2x1", "v5e:2x4", "v5p:2x2x2", "v6e:2x4")
