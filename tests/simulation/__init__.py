"""The whole house against a model venue: in virtual time from one seed, and once on threads."""
