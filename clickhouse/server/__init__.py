"""chdb, the ClickHouse engine as a library, behind ClickHouse's HTTP interface."""
