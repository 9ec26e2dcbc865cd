"""What the page tells of a stack's machine: typed documents, read with few calls and in parallel. Changes nothing."""
