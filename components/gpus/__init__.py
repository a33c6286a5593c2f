"""GPU scheduling: device plugin, queues, quotas and admission."""
