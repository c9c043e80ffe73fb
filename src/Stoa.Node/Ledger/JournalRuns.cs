using Stoa.Market.Ledger;
using Stoa.Node.Storage;

namespace Stoa.Node.Ledger;

/// <summary>Where entries are that came in the order of their ids: a block of them is its own index, and one row says from where to where it goes.</summary>
/// <remarks>A row a transfer costs as much as to judge, chain and write it. Only for the one writer of SQLite: two that enter the same id at once would not be told by a constraint.</remarks>
internal static class JournalRuns
{
    private static readonly SqlRows<Run> s_insert = SqlRows<Run>.Insert(
        "journal_runs",
        [
            SqlField<Run>.OfUuid("last", run => run.Last),
            SqlField<Run>.OfUuid("first", run => run.First),
            SqlField<Run>.OfInteger("number", run => run.Number),
        ]);

    /// <summary>Writes down blocks whose ids rise and are above all in the journal.</summary>
    public static Task WriteAsync(SqlSession session, IReadOnlyList<JournalBlock> blocks) => session.SendRowsAsync(
        s_insert, [.. blocks.Select(block => new Run(block.IdAt(block.Count - 1).Uuid, block.IdAt(0).Uuid, block.Number))]);

    /// <summary>Takes back what was written down of the blocks behind one.</summary>
    public static Task DeleteBehindAsync(SqlSession session, long number) => session.SendAsync("DELETE FROM journal_runs WHERE number > @number", new { number });

    /// <summary>Where the transfers with some ids are; those that are in no run are left out.</summary>
    public static async Task<IReadOnlyList<(Guid Id, JournalPlace Place)>> FindAsync(SqlSession session, IEnumerable<Guid> ids)
    {
        var sorted = ids.Order().ToArray();
        var found = new List<(Guid, JournalPlace)>();
        for (var index = 0; index < sorted.Length;)
        {
            if (await session.QueryFirstOrDefaultAsync<Run>(
                "SELECT last, first, number FROM journal_runs WHERE last >= @id ORDER BY last LIMIT 1", new { id = sorted[index] }) is not { } run)
            {
                break;
            }

            while (index < sorted.Length && sorted[index] < run.First)
                index++;
            if (index == sorted.Length || sorted[index] > run.Last)
                continue;
            var block = await SqlJournal.ReadBlockAsync(session, run.Number);
            for (; index < sorted.Length && sorted[index] <= run.Last; index++)
            {
                if (IndexOf(block, sorted[index]) is { } entry)
                    found.Add((sorted[index], JournalPlace.Of(run.Number, entry)));
            }
        }

        return found;
    }

    private static int? IndexOf(JournalBlock block, Guid id)
    {
        var (from, to) = (0, block.Count - 1);
        while (from <= to)
        {
            var middle = (from + to) / 2;
            var order = block.IdAt(middle).Uuid.CompareTo(id);
            if (order == 0)
                return middle;
            (from, to) = order < 0 ? (middle + 1, to) : (from, middle - 1);
        }

        return null;
    }

    private sealed record Run(Guid Last, Guid First, long Number);
}
