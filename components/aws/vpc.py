"""A VPC over several zones: private nodes, egress through NAT, and endpoints of AWS services."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components.aws import network_plan

_ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True, kw_only=True)
class VpcArgs:
    """Inputs of `Vpc`."""

    cidr: str
    """A private network of /16 to /18."""
    availability_zones: tuple[str, ...]
    """One private and one public subnet in each."""
    account: str
    """AWS account, which the flow logs' role is restricted to."""
    region: str
    """Region of the zones."""
    cluster_name: str
    """Name of the EKS cluster whose load balancers and nodes find their subnets by tags."""
    log_key_arn: pulumi.Input[str]
    """KMS key of the flow logs."""
    nat: Literal["single", "perZone"] = "perZone"
    """NAT gateways: with a single one, the loss of its zone cuts off every zone."""
    interface_endpoints: tuple[str, ...] = network_plan.INTERFACE_ENDPOINTS
    """AWS services reached without NAT; each is billed per zone."""
    log_days: int = 30
    """Days for which flow logs are kept."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags on every resource."""

    def __post_init__(self) -> None:
        """Reject networks that cannot be divided."""
        network_plan.subnets(self.cidr, len(self.availability_zones))


def flow_log_trust(account: str) -> str:
    """Return the trust policy of the flow logs: the service may act on behalf of this account."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, sort_keys=True)


def flow_log_rights(log_group: str, account: str, region: str) -> str:
    """Return the rights of the service: write to its log group."""
    statements = [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
            "Resource": f"{log_group}:*",
        },
        {
            "Effect": "Allow",
            "Action": "logs:DescribeLogGroups",
            "Resource": f"arn:aws:logs:{region}:{account}:log-group:*",
        },
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, sort_keys=True)


class Vpc(pulumi.ComponentResource):
    """Network, subnets, routes, endpoints and flow logs."""

    vpc_id: pulumi.Output[str]
    private_subnet_ids: pulumi.Output[list[str]]
    cidr: str

    def __init__(self, name: str, args: VpcArgs, opts: ResourceOptions | None = None) -> None:
        inputs = {"cidr": args.cidr, "availability_zones": [*args.availability_zones], "nat": args.nat}
        super().__init__("plinth:index:Vpc", name, inputs, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            cidr_block=args.cidr,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags=self._tags("vpc"),
            opts=self._child,
        )
        # Without rules: whatever names no security group reaches nothing.
        aws.ec2.DefaultSecurityGroup(
            f"{name}-default-group", vpc_id=self._vpc.id, tags=self._tags("default"), opts=self._child
        )
        planned = network_plan.subnets(args.cidr, len(args.availability_zones))
        public, way_out = self._public(planned.public)
        private, routes, egress_ids = self._private(planned.private, public, way_out)
        self._s3_endpoint(routes)
        self._interface_endpoints(private)
        self._flow_log()
        self.cidr = args.cidr
        # Resolved by the routes too, so that no node starts without egress.
        self.vpc_id = self._vpc.id
        self.private_subnet_ids = pulumi.Output.all([each.id for each in private], egress_ids).apply(
            lambda known: known[0]
        )
        self.register_outputs({"vpc_id": self.vpc_id, "private_subnet_ids": self.private_subnet_ids})

    def _tags(self, role: str, **more: str) -> dict[str, str]:
        return {"Name": f"{self._args.cluster_name}-{role}", **self._args.tags, **more}

    def _subnet(self, kind: str, zone: str, cidr: str, **tags: str) -> aws.ec2.Subnet:
        return aws.ec2.Subnet(
            f"{self._name}-{kind}-{zone}",
            vpc_id=self._vpc.id,
            availability_zone=zone,
            cidr_block=cidr,
            map_public_ip_on_launch=False,
            tags={**self._tags(f"{kind}-{zone}"), **tags},
            opts=self._child,
        )

    def _public(self, cidrs: tuple[str, ...]) -> tuple[list[aws.ec2.Subnet], aws.ec2.Route]:
        gateway = aws.ec2.InternetGateway(
            f"{self._name}-internet", vpc_id=self._vpc.id, tags=self._tags("internet"), opts=self._child
        )
        table = aws.ec2.RouteTable(
            f"{self._name}-public", vpc_id=self._vpc.id, tags=self._tags("public"), opts=self._child
        )
        way_out = aws.ec2.Route(
            f"{self._name}-public-out",
            route_table_id=table.id,
            destination_cidr_block=_ANYWHERE,
            gateway_id=gateway.id,
            opts=self._child,
        )
        # Kubernetes places internet-facing load balancers in subnets with this tag.
        tag = {"kubernetes.io/role/elb": "1"}
        subnets = [
            self._subnet("public", zone, cidr, **tag)
            for zone, cidr in zip(self._args.availability_zones, cidrs, strict=True)
        ]
        for zone, subnet in zip(self._args.availability_zones, subnets, strict=True):
            aws.ec2.RouteTableAssociation(
                f"{self._name}-public-{zone}-routes",
                subnet_id=subnet.id,
                route_table_id=table.id,
                opts=self._child,
            )
        return subnets, way_out

    def _private(
        self, cidrs: tuple[str, ...], public: list[aws.ec2.Subnet], way_out: aws.ec2.Route
    ) -> tuple[list[aws.ec2.Subnet], list[aws.ec2.RouteTable], list[pulumi.Output[str]]]:
        args = self._args
        count = 1 if args.nat == "single" else len(args.availability_zones)
        zones = args.availability_zones
        gateways = [
            self._nat(zone, subnet, way_out) for zone, subnet in zip(zones[:count], public, strict=False)
        ]
        tags = {"kubernetes.io/role/internal-elb": "1", "karpenter.sh/discovery": args.cluster_name}
        subnets: list[aws.ec2.Subnet] = []
        tables: list[aws.ec2.RouteTable] = []
        egress_ids: list[pulumi.Output[str]] = []
        for number, (zone, cidr) in enumerate(zip(zones, cidrs, strict=True)):
            subnet = self._subnet("private", zone, cidr, **tags)
            table = aws.ec2.RouteTable(
                f"{self._name}-private-{zone}",
                vpc_id=self._vpc.id,
                tags=self._tags(f"private-{zone}"),
                opts=self._child,
            )
            route = aws.ec2.Route(
                f"{self._name}-private-{zone}-out",
                route_table_id=table.id,
                destination_cidr_block=_ANYWHERE,
                nat_gateway_id=gateways[number % count].id,
                opts=self._child,
            )
            association = aws.ec2.RouteTableAssociation(
                f"{self._name}-private-{zone}-routes",
                subnet_id=subnet.id,
                route_table_id=table.id,
                opts=self._child,
            )
            subnets.append(subnet)
            tables.append(table)
            egress_ids += [route.id, association.id]
        return subnets, tables, egress_ids

    def _nat(self, zone: str, subnet: aws.ec2.Subnet, way_out: aws.ec2.Route) -> aws.ec2.NatGateway:
        address = aws.ec2.Eip(
            f"{self._name}-nat-{zone}-address", domain="vpc", tags=self._tags(f"nat-{zone}"), opts=self._child
        )
        return aws.ec2.NatGateway(
            f"{self._name}-nat-{zone}",
            subnet_id=subnet.id,
            allocation_id=address.id,
            tags=self._tags(f"nat-{zone}"),
            # Without an internet gateway in its network a NAT gateway fails for good.
            opts=ResourceOptions(parent=self, depends_on=[way_out]),
        )

    def _s3_endpoint(self, tables: list[aws.ec2.RouteTable]) -> None:
        aws.ec2.VpcEndpoint(
            f"{self._name}-s3",
            vpc_id=self._vpc.id,
            service_name=f"com.amazonaws.{self._args.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.id for table in tables],
            tags=self._tags("s3"),
            opts=self._child,
        )

    def _interface_endpoints(self, subnets: list[aws.ec2.Subnet]) -> None:
        if not self._args.interface_endpoints:
            return
        group = aws.ec2.SecurityGroup(
            f"{self._name}-endpoints",
            vpc_id=self._vpc.id,
            description="Services of AWS, for what runs in the network",
            tags=self._tags("endpoints"),
            opts=self._child,
        )
        aws.vpc.SecurityGroupIngressRule(
            f"{self._name}-endpoints-https",
            security_group_id=group.id,
            description="HTTPS from the network",
            cidr_ipv4=self._args.cidr,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            tags=self._tags("endpoints-https"),
            opts=self._child,
        )
        for service in self._args.interface_endpoints:
            role = service.replace(".", "-")
            aws.ec2.VpcEndpoint(
                f"{self._name}-{role}",
                vpc_id=self._vpc.id,
                service_name=f"com.amazonaws.{self._args.region}.{service}",
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=[subnet.id for subnet in subnets],
                security_group_ids=[group.id],
                tags=self._tags(role),
                opts=self._child,
            )

    def _flow_log(self) -> None:
        args = self._args
        group = aws.cloudwatch.LogGroup(
            f"{self._name}-flow-logs",
            name=f"/plinth/{args.cluster_name}/network",
            kms_key_id=args.log_key_arn,
            retention_in_days=args.log_days,
            tags=self._tags("flow-logs"),
            opts=self._child,
        )
        role = aws.iam.Role(
            f"{self._name}-flow-logs-role",
            assume_role_policy=flow_log_trust(args.account),
            tags=self._tags("flow-logs"),
            opts=self._child,
        )
        rights = aws.iam.RolePolicy(
            f"{self._name}-flow-logs-rights",
            role=role.name,
            policy=group.arn.apply(lambda arn: flow_log_rights(arn, args.account, args.region)),
            opts=self._child,
        )
        aws.ec2.FlowLog(
            f"{self._name}-flow-log",
            vpc_id=self._vpc.id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            tags=self._tags("flow-log"),
            opts=ResourceOptions(parent=self, depends_on=[rights]),
        )
