"""Ray: trials on many workers, resumable from our own records. Only this package imports ray."""
