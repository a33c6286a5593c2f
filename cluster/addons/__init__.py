"""What a native cluster has before any stack: DNS, a storage class, metrics."""
