"""How surrogates are made: labels, folds, members, noise; and small networks that stand for whole ensembles."""
