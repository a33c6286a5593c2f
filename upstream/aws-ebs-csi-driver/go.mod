module plinth/upstream/aws-ebs-csi-driver

go 1.26.0

require github.com/kubernetes-sigs/aws-ebs-csi-driver v1.63.1
