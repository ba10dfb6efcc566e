"""The manifests: small files in git that say what went into an experiment, a folder, a table."""
