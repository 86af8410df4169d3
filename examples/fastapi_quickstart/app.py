# pip install "gatepass[fastapi]" "fastapi[standard]" && fastapi dev app.py
from typing import Annotated

from fastapi import FastAPI, Form, Request
from gatepass.fastapi import CurrentIdentity, Gatepass, LoginFailed, require

import my_users  # yours: anything that turns a name and a password into a user

app = FastAPI()
auth = Gatepass(app, mode="hybrid")  # "session" | "jwt" | "hybrid"


@app.post("/login")
async def login(request: Request, name: Annotated[str, Form()], password: Annotated[str, Form()]):
    user = await my_users.check(name, password)
    if user is None:
        raise LoginFailed
    return await auth.login(request, user.id, roles=user.roles)  # cookies; transport="bearer" for tokens


@app.get("/me")
async def me(who: CurrentIdentity):
    return {"hello": who.subject}


@app.delete("/billing", dependencies=[require(role="admin", max_age=300)])
async def close_billing(): ...
