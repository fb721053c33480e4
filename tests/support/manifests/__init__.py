"""Checks of deploy/k8s. Each takes what was built and returns what is wrong, so that tests can also break
a copy and see that it is found."""
