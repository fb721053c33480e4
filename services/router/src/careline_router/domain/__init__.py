"""The floor: calls, agents, queues and who gets whom. Pure and deterministic, nothing else."""
