"""Where the platform keeps data: databases and the object store, in the cluster or of AWS."""
