"""AWS infrastructure of the platform: network, cluster, node pools, stores and identities."""
