using Stoa.Node.Storage;

namespace Stoa.Node.Tests.Storage;

public sealed class SqlDialectTests
{
    [Theory]
    [InlineData("SELECT 1", "SELECT 1", "SELECT 1")]
    [InlineData("a {blob}", "a BLOB", "a BYTEA")]
    [InlineData("SELECT x {for update}", "SELECT x ", "SELECT x FOR UPDATE")]
    [InlineData("{for update skip locked}", "", "FOR UPDATE SKIP LOCKED")]
    [InlineData("a{if sqlite} b{end}{if postgres} c{end} d", "a b d", "a c d")]
    [InlineData("{if postgres}\n{blob}\n{end}", "", "\nBYTEA\n")]
    [InlineData("x IN @ids", "x IN (SELECT value FROM json_each(@ids))", "x = ANY(@ids)")]
    [InlineData("x not in @ids AND y", "x NOT IN (SELECT value FROM json_each(@ids)) AND y", "x <> ALL(@ids) AND y")]
    [InlineData("x IN (@a, @b)", "x IN (@a, @b)", "x IN (@a, @b)")]
    [InlineData("data = '{}'", "data = '{}'", "data = '{}'")]
    public void Statement_WithTokens_IsWrittenInEachDialect(string sql, string sqlite, string postgres)
    {
        SqlDialect.Sqlite.Translate(sql).ShouldBe(sqlite);
        SqlDialect.Postgres.Translate(sql).ShouldBe(postgres);
    }

    [Fact]
    public void Statement_WithAnUnknownToken_Throws() =>
        Should.Throw<FormatException>(() => SqlDialect.Sqlite.Translate("a {bolb}")).Message.ShouldContain("{bolb}");

    [Fact]
    public void Parameters_OfAStatement_AreFoundOutsideLiterals() =>
        SqlDialect.Sqlite.GetStatement("SELECT @a, 'x@b it''s @c', @d, @a").ParameterNames.ShouldBe(["a", "d"]);
}
