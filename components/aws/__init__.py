"""What a platform needs of AWS: network, cluster, node pools, stores and identities."""
