"""The kit that tells whether a store does what it has to: for the stores of gatepass, and for yours.

```python
from functools import partial

import pytest
from gatepass.stores.conformance import SharedStoreConformance

class TestMyStore(SharedStoreConformance):
    @pytest.fixture
    def open_store(self, tmp_path):
        return partial(MyStore, tmp_path / "sessions")
```

`StoreConformance` is for any store, `SharedStoreConformance` for one that several processes may use at a time: it adds
races between real processes. Each claim runs in both colours, plain and awaited. Needs pytest and hypothesis, and is
the only part of gatepass that does.
"""

import pytest

# A failed claim of the kit shows its values, as one in your own tests would.
pytest.register_assert_rewrite(
    "gatepass.stores.conformance.claims", "gatepass.stores.conformance.machine", "gatepass.stores.conformance.races"
)

from gatepass.stores.conformance.claims import StoreConformance  # noqa: E402
from gatepass.stores.conformance.races import SharedStoreConformance  # noqa: E402

__all__ = ["SharedStoreConformance", "StoreConformance"]
