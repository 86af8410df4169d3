"""One app behind uvicorn, for wrk: ``python -m bench.requests.server FRAMEWORK NAME FOLDER REDIS``.

It proves itself first, writes its credentials to `FOLDER/credentials`, and then says on which port it listens.
"""

import asyncio
import socket
import sys
from contextlib import AsyncExitStack
from importlib import import_module
from pathlib import Path

import uvicorn

from bench.requests.catalog import variants
from bench.requests.variants import Place, prove


async def serve(framework: str, name: str, folder: Path, redis: str | None) -> None:
    variant = next(one for one in variants() if (one.framework, one.name) == (framework, name))
    async with AsyncExitStack() as stack:
        made = await variant.make(Place(folder=folder, stack=stack, redis=redis))
        await prove(variant, made)
        lines = [b": ".join(credential or ()) for credential in made.credentials]
        (folder / "credentials").write_bytes(b"\n".join(lines) + b"\n")
        config = uvicorn.Config(made.app, http="httptools", lifespan="on", log_level="warning", access_log=False)
        with socket.create_server(("127.0.0.1", 0), backlog=1_024) as listening:
            print(listening.getsockname()[1], flush=True)
            await uvicorn.Server(config).serve(sockets=[listening])


def main() -> None:
    framework, name, folder, redis = sys.argv[1:]
    with asyncio.Runner(loop_factory=import_module("uvloop").new_event_loop) as runner:
        runner.run(serve(framework, name, Path(folder), redis or None))


if __name__ == "__main__":
    main()
