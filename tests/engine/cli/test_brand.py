"""`goodword brand`: who owns a brand, who works for it, and the links that sign them in."""

from engine.identity.queries import latest_audit, rooms_of
from engine.identity.tables import Role
from tests.engine.cli.conftest import brand_id, signed_in_by


def create(goodword, slug="halfmoon", **more):
    arguments = [part for name, value in more.items() for part in (f"--{name.replace('_', '-')}", value)]
    return goodword("brand", "create", slug, "--name", "Half Moon", "--owner", "me@x.example", *arguments, "--json")


def who(db, link):
    with db.reading() as unit:
        login = signed_in_by(unit, link)
        return login.email, rooms_of(unit, login.id)


def test_a_brand_has_an_owner_whom_the_link_signs_in(goodword, db):
    told = create(goodword, owner_name="Ines")
    email, rooms = who(db, told["sign_in"])
    [access] = rooms.staff
    assert (email, access.name, access.role, access.brand.slug) == ("me@x.example", "Ines", Role.OWNER, "halfmoon")
    with db.reading() as unit:
        audit = {(row.actor, row.action) for row in latest_audit(unit, brand_id(unit))}
    assert audit == {("command line", "create_brand"), ("command line", "add_staff")}
    assert goodword("brand", "list") == f"{'halfmoon':<24}Half Moon\n"


def test_a_slug_is_given_once(goodword):
    create(goodword)
    said = goodword("brand", "create", "halfmoon", "--name", "B", "--owner", "b@x.example", fails=1)
    assert "There is a brand 'halfmoon' already. Choose another slug." in said
    assert len(goodword("brand", "list", "--json")["brands"]) == 1


def test_what_is_wrong_is_said_by_field_and_nothing_is_made(goodword):
    said = goodword("brand", "create", "Half Moon", "--name", "B", "--owner", "b@x.example", fails=1)
    assert said.startswith("goodword: slug: ")
    said = goodword("brand", "create", "halfmoon", "--name", "B", "--owner", "nobody", fails=1)
    assert "email: " in said
    assert "This is not an e-mail address. Write it like anna@example.com." in said
    assert "There is no brand yet." in goodword("brand", "list")


def test_staff_come_with_a_role_and_get_a_link_only_where_they_work(goodword, db):
    create(goodword)
    goodword("brand", "staff", "add", "pay@x.example", "--name", "Paul", "--role", "finance", "--by", "Ines")
    email, rooms = who(db, goodword("brand", "sign-in", "pay@x.example"))
    assert (email, rooms.staff[0].role) == ("pay@x.example", Role.FINANCE)
    goodword("brand", "staff", "add", "pay@x.example", "--name", "Paul", "--role", "viewer")
    assert who(db, goodword("brand", "sign-in", "pay@x.example"))[1].staff[0].role is Role.VIEWER
    assert "does not work for halfmoon" in goodword("brand", "sign-in", "else@x.example", fails=1)
    goodword("brand", "create", "other", "--name", "Other", "--owner", "o@x.example")
    assert "Give one of: halfmoon, other." in goodword("brand", "sign-in", "pay@x.example", fails=1)
    assert "does not work for other" in goodword("brand", "sign-in", "pay@x.example", "--brand", "other", fails=1)


def test_each_asking_prints_another_link(goodword, db):
    create(goodword)
    links = {goodword("brand", "sign-in", "me@x.example", "--json")["sign_in"] for _ in range(2)}
    assert len(links) == 2
    assert {who(db, link)[0] for link in links} == {"me@x.example"}
