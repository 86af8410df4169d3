"""All variants, by framework: the base first, then ours, then the peers."""

from bench.requests import ours, peers
from bench.requests.variants import Variant


def variants() -> list[Variant]:
    found = [*ours.variants(), *peers.variants()]
    return sorted(found, key=lambda variant: variant.framework, reverse=True)
