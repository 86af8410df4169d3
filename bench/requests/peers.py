"""The peers, each in the smallest set-up that its own documentation shows.

They are no dependency of anything but the bench, hence the imports by name.
"""

from importlib import import_module
from secrets import token_urlsafe
from time import time
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import Depends, FastAPI, HTTPException
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bench.requests.variants import PATH, Made, Place, Variant, bearer, log_in

SECRET = "a secret of the bench, of 32 bytes and more"
AUDIENCE = "orders"
#: As long as a run may take: an hour.
TTL = 3_600


def variants() -> list[Variant]:
    """The peers, and which of ours does the same."""
    return [
        Variant(
            framework="Starlette",
            name="Starlette SessionMiddleware, signed cookie",
            make=signed_cookie,
            against="jwt, no store, cookie",
        ),
        Variant(
            framework="Starlette",
            name="PyJWT in the handler, HS256",
            make=pyjwt_in_the_handler,
            against="jwt, no store, bearer",
        ),
        Variant(
            framework="Starlette",
            name="starsessions, Redis",
            make=starsessions_redis,
            against="session, SQLite, cookie",
            needs_redis=True,
        ),
        Variant(
            framework="FastAPI",
            name="PyJWT in a dependency, HS256",
            make=pyjwt_in_a_dependency,
            against="jwt, no store, bearer",
        ),
        Variant(
            framework="FastAPI",
            name="fastapi-users, JWT strategy, users in SQLite",
            make=lambda place: fastapi_users(place, strategy="jwt"),
            against="jwt, SQLite, bearer",
        ),
        Variant(
            framework="FastAPI",
            name="fastapi-users, database strategy, SQLite",
            make=lambda place: fastapi_users(place, strategy="database"),
            against="session, SQLite, bearer",
        ),
    ]


async def signed_cookie(place: Place) -> Made:
    """The session is in the cookie, signed."""
    sessions = import_module("starlette.middleware.sessions")
    app = Starlette(
        routes=[Route("/login", remember, methods=["POST"]), Route(PATH, remembered)],
        middleware=[Middleware(sessions.SessionMiddleware, secret_key=SECRET, https_only=True)],
    )
    subjects = place.subjects()
    answers = await log_in(app, subjects)
    return Made(app=app, subjects=subjects, credentials=[answer.cookies for answer in answers])


async def starsessions_redis(place: Place) -> Made:
    """The session is in Redis. Each answer writes it back: that is how they keep it alive."""
    stars, stores = import_module("starsessions"), import_module("starsessions.stores.redis")
    client = import_module("redis.asyncio").Redis.from_url(place.redis)
    place.stack.push_async_callback(client.aclose)
    app = Starlette(
        routes=[Route("/login", remember, methods=["POST"]), Route(PATH, remembered)],
        middleware=[
            Middleware(stars.SessionMiddleware, store=stores.RedisStore(connection=client), lifetime=TTL),
            Middleware(stars.SessionAutoloadMiddleware),
        ],
    )
    subjects = place.subjects()
    answers = await log_in(app, subjects)
    return Made(app=app, subjects=subjects, credentials=[answer.cookies for answer in answers])


async def remember(request: Request) -> JSONResponse:
    request.session["subject"] = request.query_params["subject"]
    return JSONResponse({})


async def remembered(request: Request) -> JSONResponse:
    subject = request.session.get("subject")
    if subject is None:
        return JSONResponse({}, 401)
    return JSONResponse({"hello": subject})


def signed(subject: str) -> str:
    now = int(time())
    claims = {"sub": subject, "aud": AUDIENCE, "iat": now, "exp": now + TTL, "roles": ["admin"]}
    token: str = import_module("jwt").encode(claims, SECRET, "HS256")
    return token


async def pyjwt_in_the_handler(place: Place) -> Made:
    jwt = import_module("jwt")

    async def me(request: Request) -> JSONResponse:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            if scheme.lower() != "bearer":
                return JSONResponse({}, 401)
            claims = jwt.decode(token, SECRET, algorithms=["HS256"], audience=AUDIENCE)
        except jwt.InvalidTokenError:
            return JSONResponse({}, 401)
        return JSONResponse({"hello": claims["sub"]})

    subjects = place.subjects()
    app = Starlette(routes=[Route(PATH, me)])
    return Made(app=app, subjects=subjects, credentials=[bearer(signed(subject)) for subject in subjects])


async def pyjwt_in_a_dependency(place: Place) -> Made:
    """As the security tutorial of FastAPI has it, without its users."""
    jwt = import_module("jwt")
    # Not typed where the bench is not installed in full, and as a dependency it need not be.
    scheme: Any = import_module("fastapi.security").OAuth2PasswordBearer(tokenUrl="token")

    async def current_subject(token: Annotated[str, Depends(scheme)]) -> str:
        try:
            subject: str = jwt.decode(token, SECRET, algorithms=["HS256"], audience=AUDIENCE)["sub"]
        except jwt.InvalidTokenError:
            raise HTTPException(401) from None
        return subject

    app = FastAPI()

    @app.get(PATH)
    async def me(subject: Annotated[str, Depends(current_subject)]) -> dict[str, str]:
        return {"hello": subject}

    subjects = place.subjects()
    return Made(app=app, subjects=subjects, credentials=[bearer(signed(subject)) for subject in subjects])


async def fastapi_users(place: Place, *, strategy: str) -> Made:
    """As their documentation has it, for SQLAlchemy. They read the user's row on each request; we read none."""
    users: Any = import_module("fastapi_users")
    authentication: Any = import_module("fastapi_users.authentication")
    database: Any = import_module("fastapi_users.authentication.strategy.db")
    table: Any = import_module("fastapi_users_db_sqlalchemy")
    tokens: Any = import_module("fastapi_users_db_sqlalchemy.access_token")
    orm: Any = import_module("sqlalchemy.orm")
    asyncio: Any = import_module("sqlalchemy.ext.asyncio")

    class Base(orm.DeclarativeBase):  # type: ignore[misc]  # the bench types against no peer
        pass

    class User(table.SQLAlchemyBaseUserTableUUID, Base):  # type: ignore[misc]
        pass

    class AccessToken(tokens.SQLAlchemyBaseAccessTokenTableUUID, Base):  # type: ignore[misc]
        pass

    class Users(users.UUIDIDMixin, users.BaseUserManager):  # type: ignore[misc]
        reset_password_token_secret = verification_token_secret = SECRET

    engine = asyncio.create_async_engine(f"sqlite+aiosqlite:///{place.folder}/users-{strategy}.db")
    place.stack.push_async_callback(engine.dispose)
    new_session = asyncio.async_sessionmaker(engine, expire_on_commit=False)

    async def get_session() -> Any:
        async with new_session() as session:
            yield session

    async def get_users(session: Annotated[Any, Depends(get_session)]) -> Any:
        yield table.SQLAlchemyUserDatabase(session, User)

    async def get_manager(found: Annotated[Any, Depends(get_users)]) -> Any:
        yield Users(found)

    async def get_tokens(session: Annotated[Any, Depends(get_session)]) -> Any:
        yield tokens.SQLAlchemyAccessTokenDatabase(session, AccessToken)

    def by_jwt() -> Any:
        return authentication.JWTStrategy(secret=SECRET, lifetime_seconds=TTL)

    def by_database(found: Annotated[Any, Depends(get_tokens)]) -> Any:
        return database.DatabaseStrategy(found, lifetime_seconds=TTL)

    backend = authentication.AuthenticationBackend(
        name=strategy,
        transport=authentication.BearerTransport(tokenUrl="login"),
        get_strategy=by_jwt if strategy == "jwt" else by_database,
    )
    current_user = users.FastAPIUsers(get_manager, [backend]).current_user(active=True)
    app = FastAPI()

    @app.get(PATH)
    async def me(user: Annotated[Any, Depends(current_user)]) -> dict[str, str]:
        return {"hello": str(user.id)}

    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    ids: list[UUID] = [uuid4() for _ in place.subjects()]
    async with new_session() as session:
        people = [User(id=id, email=f"{id}@example.com", hashed_password="-") for id in ids]  # noqa: A001  it is one
        session.add_all(people)
        if strategy == "jwt":
            texts = [await by_jwt().write_token(person) for person in people]
        else:
            texts = [token_urlsafe() for _ in ids]
            session.add_all(AccessToken(token=text, user_id=id) for text, id in zip(texts, ids, strict=True))  # noqa: A001
        await session.commit()
    return Made(app=app, subjects=[str(id) for id in ids], credentials=[bearer(text) for text in texts])  # noqa: A001
