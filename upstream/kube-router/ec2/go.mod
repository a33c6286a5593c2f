// Stands for github.com/aws/aws-sdk-go-v2/service/ec2: see ec2.go.
module github.com/aws/aws-sdk-go-v2/service/ec2

go 1.24
