using Stoa.Node.Storage;

namespace Stoa.Node.Tests.Storage;

/// <summary>Has the database refuse an act on some rows, so that a test sees what becomes of the others.</summary>
internal static class StuckRows
{
    /// <param name="database">Which.</param>
    /// <param name="act"><c>UPDATE</c> or <c>DELETE</c>.</param>
    /// <param name="table">Of the rows.</param>
    /// <param name="when">A condition on <c>OLD</c> and, of an update, <c>NEW</c>; of constants.</param>
    public static Task MakeAsync(Database database, string act, string table, string when) => database.WriteAsync(
        async session =>
        {
            await session.ExecuteAsync(
                $$"""
                {if postgres}CREATE FUNCTION stuck() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''stuck''; END'{end}{if sqlite}SELECT 1{end}
                """);
            await session.ExecuteAsync(
                $$"""
                {if postgres}CREATE TRIGGER stuck BEFORE {{act}} ON {{table}} FOR EACH ROW WHEN ({{when}}) EXECUTE FUNCTION stuck(){end}
                {if sqlite}CREATE TRIGGER stuck BEFORE {{act}} ON {{table}} WHEN {{when}} BEGIN SELECT RAISE(ABORT, 'stuck'); END{end}
                """);
        },
        TestContext.Current.CancellationToken);
}
