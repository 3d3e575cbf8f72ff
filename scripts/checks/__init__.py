"""The checks behind scripts/check: each takes a tree.Tree and returns findings, one line of text each."""
