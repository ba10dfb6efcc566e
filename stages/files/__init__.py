"""Reading and writing: frames, stacks, tables, and where they lie."""
