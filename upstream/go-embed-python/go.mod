module plinth/upstream/go-embed-python

go 1.26.0

require github.com/kluctl/go-embed-python v0.0.0-3.12.3-20240415-1
