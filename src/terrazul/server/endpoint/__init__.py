"""Endpoints: web services, their revisions and images, and the keeper that has them served."""
