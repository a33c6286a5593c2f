"""Building blocks of components: pods, servers, jobs, policies, routes and rights."""
