"""AWS list prices, from the dated table of a region in `infra/account/price_tables/`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from infra.errors import InfraError

FOLDER = Path(__file__).parent / "price_tables"

# Parsed from text: as a float, 0.1 would not be exact.
Price = Annotated[Decimal, BeforeValidator(str), Field(gt=0)]


class PriceError(InfraError):
    """A price is not in the tables; the message names the file to add it to."""


class _Record(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_alias=True, validate_by_name=True
    )


class Services(_Record):
    """Prices that depend on neither an instance type nor a database class."""

    eks_cluster_hour: Price
    eks_extended_support_cluster_hour: Price
    nat_gateway_hour: Price
    nat_gateway_gb: Price
    public_address_hour: Price
    interface_endpoint_hour: Price
    interface_endpoint_gb: Price
    load_balancer_hour: Price
    load_balancer_capacity_unit_hour: Price
    volume_gb_month: Price
    database_storage_gb_month: Price
    object_gb_month: Price
    image_gb_month: Price
    key_month: Price
    node_metrics_month: Price
    log_gb: Price
    log_gb_month: Price


class _Dated(_Record):
    date: date
    source: Annotated[str, Field(min_length=10)]


class _ByName(_Dated):
    prices: dict[str, Price]


class _ByService(_Dated):
    prices: Services


class _Table(_Record):
    region: str
    instances: _ByName
    databases: _ByName
    services: _ByService


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Prices of one region, in USD."""

    table: _Table
    file: str

    @property
    def region(self) -> str:
        """The region."""
        return self.table.region

    @property
    def services(self) -> Services:
        """Prices that depend on neither an instance type nor a database class."""
        return self.table.services.prices

    def instance(self, name: str) -> Decimal:
        """Return the hourly on-demand price of an instance type.

        Raises:
            PriceError: the table has no price of it.
        """
        return self._named("instance type", name, self.table.instances)

    def database(self, name: str) -> Decimal:
        """Return the hourly price of a database class in one zone.

        Raises:
            PriceError: the table has no price of it.
        """
        return self._named("database class", name, self.table.databases)

    def sources(self) -> Iterator[str]:
        """Yield the date and source of each part of the table, one per line."""
        parts = {
            "instances": self.table.instances,
            "databases": self.table.databases,
            "everything else": self.table.services,
        }
        for what, part in parts.items():
            yield f"{what}: {part.date.isoformat()}, {part.source}"

    def _named(self, what: str, name: str, part: _ByName) -> Decimal:
        if name not in part.prices:
            raise PriceError(
                f"no price of {what} {name} in {self.region}, as of {part.date.isoformat()}: AWS may not "
                f"offer it there; if it does, add it to {self.file}"
            )
        return part.prices[name]


def load_prices(region: str) -> Prices:
    """Return the prices of a region.

    Raises:
        PriceError: there is no table of the region, or the table is not valid.
    """
    file = FOLDER / f"{region}.yaml"
    shown = f"infra/account/price_tables/{file.name}"
    if not file.is_file():
        known = ", ".join(sorted(each.stem for each in FOLDER.glob("*.yaml")))
        raise PriceError(f"no prices of region {region}: add {shown}; there are tables for {known}")
    try:
        table = _Table.model_validate(yaml.safe_load(file.read_text()))
    except (yaml.YAMLError, ValidationError) as error:
        reason = " ".join(str(error).split())
        raise PriceError(f"{shown}: {reason}") from None
    if table.region != region:
        raise PriceError(f"{shown} contains prices of {table.region}: name the file after its region")
    return Prices(table=table, file=shown)
