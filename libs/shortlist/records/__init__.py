"""What is written down about runs: manifests, publications, check results. Plain dataclasses, one home each."""
