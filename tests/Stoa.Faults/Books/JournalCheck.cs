using Stoa.Faults.Load;
using Stoa.Market;
using Stoa.Market.Ledger;
using Stoa.Node.Ledger;
using Stoa.Primitives;

namespace Stoa.Faults.Books;

/// <summary>Adds up a whole ledger, and holds it against what was sent to it.</summary>
internal static class JournalCheck
{
    private const int BlocksAtOnce = 1_000;

    /// <summary>All accounts of a ledger, with their balances.</summary>
    public static async Task<IReadOnlyCollection<StatedAccount>> ListAccountsAsync(SqlLedgerStore ledger, CancellationToken stop)
    {
        var accounts = new List<StatedAccount>();
        string? cursor = null;
        do
        {
            var page = await ledger.ListAccountsAsync(new PageRequest(BlocksAtOnce, cursor), stop);
            accounts.AddRange(page.Items);
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return accounts;
    }

    /// <summary>Says what is wrong; nothing when all is right.</summary>
    /// <param name="ledger">Nobody writes to it.</param>
    /// <param name="sent">All that was ever sent to it.</param>
    /// <param name="isAnswered">Whether the answer to a set was given before what may be lost.</param>
    /// <param name="stop">Gives up.</param>
    public static async Task<(IReadOnlyList<string> Faults, long Entries)> RunAsync(
        SqlLedgerStore ledger, IEnumerable<SentSet> sent, Func<SentSet, bool> isAnswered, CancellationToken stop)
    {
        var audit = new JournalAudit(await ListAccountsAsync(ledger, stop));
        var entered = new HashSet<Id<Transfer>>();
        while (await ledger.ReadJournalAsync(audit.Head.Number, BlocksAtOnce, stop) is { Count: > 0 } blocks)
        {
            foreach (var block in blocks)
            {
                audit.Add(block);
                for (var index = 0; index < block.Count; index++)
                    entered.Add(block.Read(index).Transfer.Id);
            }
        }

        audit.Close(await ledger.GetHeadAsync(stop));
        var faults = audit.Findings.Select(finding => $"{finding.Fault}: {finding.Detail}").ToList();
        if (entered.Count != audit.EntryCount)
            faults.Add($"{audit.EntryCount - entered.Count} transfers are in the journal twice.");
        foreach (var set in sent)
        {
            var found = set.Transfers.Count(transfer => entered.Contains(transfer.Id));
            if (found != 0 && found != set.Transfers.Count)
                faults.Add($"Of the {set.Transfers.Count} transfers of {set.Transfers[0].Id} {found} are in the journal.");
            else if (isAnswered(set) && found == 0 == set.IsAccepted)
                faults.Add($"{set.Transfers[0].Id} was {(set.IsAccepted ? "accepted, and is not in the journal" : "refused, and is in the journal")}.");
        }

        return (faults, audit.EntryCount);
    }
}
