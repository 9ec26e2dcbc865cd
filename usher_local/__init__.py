"""AWS on one machine: the local cloud, the local Personalize and its models, the simulation and the demo."""
