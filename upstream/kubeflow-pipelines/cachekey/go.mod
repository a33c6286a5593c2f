// Read, not linked: the one release of KFP's api module that is published and has the cachekey package.
module plinth/upstream/kubeflow-pipelines/cachekey

go 1.24

require github.com/kubeflow/pipelines/api v0.0.0-20250102152816-873e9dedd766
