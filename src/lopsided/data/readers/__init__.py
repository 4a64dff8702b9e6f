"""One room for each kind of source: files to labels and inputs."""
