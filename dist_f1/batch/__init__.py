"""One batch as users pass it: rows, decisions, targets, and the group of each row."""
