"""Which network addresses are this machine's own."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Returns whether a host is this machine itself, which no other machine can reach.

    A name other than localhost is never looked up: who answers for it could change.

    Args:
        host: a name, an IPv4 address or an IPv6 address without brackets.

    Examples:
        >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "LocalHost")]
        [True, True, True]
        >>> [is_loopback(host) for host in ("0.0.0.0", "10.0.0.5", "localhost.example.org", "")]
        [False, False, False, False]
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower() == "localhost"
    # Before Python 3.13, ::ffff:127.0.0.1 is not called a loopback address.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
