using Stoa.Market.Ledger;

namespace Stoa.Node.Tests.Ledger;

/// <summary>The whole journal, for ledgers as small as tests have them.</summary>
internal static class JournalReading
{
    /// <summary>All transfers in order. The chain is checked on the way.</summary>
    public static async Task<IReadOnlyList<Transfer>> ReadTransfersAsync(this ILedgerStore ledger, CancellationToken cancellationToken)
    {
        var head = JournalHead.Empty;
        var transfers = new List<Transfer>();
        while (await ledger.ReadJournalAsync(head.Number, limit: 2, cancellationToken) is { Count: > 0 } blocks)
        {
            foreach (var block in blocks)
            {
                block.Follows(head).ShouldBeTrue($"block {block.Number}");
                transfers.AddRange(Enumerable.Range(0, block.Count).Select(index => block.Read(index).Transfer));
                head = block.Head;
            }
        }

        (await ledger.GetHeadAsync(cancellationToken)).ShouldBe(head);
        return transfers;
    }
}
