// A placeholder that lets the pin resolve: prepare.py fills it in the build folder.
module github.com/kubeflow/pipelines/kubernetes_platform

go 1.24
