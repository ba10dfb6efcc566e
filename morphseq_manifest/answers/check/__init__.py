"""`morphseq check`: the dry run of plates' inputs."""
