"""Drop-in shims: code written for the original libraries runs on our tables after a change of import."""
