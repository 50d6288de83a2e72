"""What a layer's scans write, keep and read: read-outs of memory and selectivity."""
