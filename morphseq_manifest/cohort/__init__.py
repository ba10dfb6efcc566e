"""The lab's own: experiments, their ids, their manifests, the columns of their tables."""
