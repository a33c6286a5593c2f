// A placeholder that lets the pin resolve: prepare.py fills it in the build folder.
module github.com/kubeflow/pipelines/api

go 1.24
