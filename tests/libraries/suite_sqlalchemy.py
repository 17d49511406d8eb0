"""Healthy tests of SQLAlchemy's asyncio part, on aiosqlite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import ForeignKey, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import (
    AsyncAttrs,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload


class Base(AsyncAttrs, DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    orders: Mapped[list[Order]] = relationship(back_populates="customer")


class Order(Base):
    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
    pieces: Mapped[int]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    customer: Mapped[Customer] = relationship(back_populates="orders")


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsyncEngine]:
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
    yield engine
    await engine.dispose()


@pytest.fixture
async def session(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with async_sessionmaker(engine, expire_on_commit=False)() as session:
        ann = Customer(name="Ann", orders=[Order(pieces=2), Order(pieces=3)])
        session.add(ann)
        await session.commit()
        yield session
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)


async def test_a_query(session: AsyncSession) -> None:
    found = await session.scalars(select(Customer).options(selectinload(Customer.orders)))
    (ann,) = found.all()
    assert [order.pieces for order in ann.orders] == [2, 3]


async def test_what_is_loaded_late_is_awaited(session: AsyncSession) -> None:
    ann = (await session.scalars(select(Customer))).one()
    await session.refresh(ann)
    assert len(await ann.awaitable_attrs.orders) == 2


async def test_rows_come_one_by_one(session: AsyncSession) -> None:
    rows = await session.stream(select(Order.pieces).order_by(Order.id))
    assert [row.pieces async for row in rows] == [2, 3]


async def test_a_stream_is_left(session: AsyncSession) -> None:
    result = await session.stream(select(Order))
    async for _ in result:
        break
    await result.close()


async def test_a_transaction_that_is_rolled_back(session: AsyncSession) -> None:
    with pytest.raises(IntegrityError):
        async with session.begin_nested():
            session.add(Customer(name="Ann"))
    await session.rollback()
    assert len((await session.scalars(select(Customer))).all()) == 1


async def test_sessions_at_once(session: AsyncSession, engine: AsyncEngine) -> None:
    async def count() -> int:
        async with AsyncSession(engine) as one:
            return len((await one.scalars(select(Order))).all())

    assert await asyncio.gather(*(count() for _ in range(5))) == [2] * 5


async def test_an_engine_of_ones_own() -> None:
    engine = create_async_engine("sqlite+aiosqlite://")
    async with engine.connect() as connection:
        assert (await connection.exec_driver_sql("select 1")).scalar() == 1
    await engine.dispose()


async def test_a_deletion(session: AsyncSession) -> None:
    order = (await session.scalars(select(Order).limit(1))).one()
    await session.delete(order)
    await session.flush()
    assert len((await session.scalars(select(Order))).all()) == 1
