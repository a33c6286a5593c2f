"""A second opinion on planned resources: they become a CloudFormation template, which cfn-lint checks."""
