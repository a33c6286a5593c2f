"""Teams: their namespaces, rights and limits."""
