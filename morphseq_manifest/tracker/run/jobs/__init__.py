"""Stages as plain jobs of a queueing system: a task file goes in, an end file comes out, and no port is opened."""
