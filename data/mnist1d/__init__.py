"""How the table `nasbench201_mnist1d` was made: its data set, recipe, networks and cost model."""
