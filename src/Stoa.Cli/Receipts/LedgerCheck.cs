using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Ledger;
using Stoa.Primitives;

namespace Stoa.Cli.Receipts;

/// <summary>The whole journal of a node, read and added up again on this machine.</summary>
/// <param name="Audit">What came of it.</param>
/// <param name="Accounts">Every account as the node states it.</param>
/// <param name="Checkpoint">What the node has signed of it; null when that is not to be believed, and then it is among the findings.</param>
internal sealed record LedgerCheck(JournalAudit Audit, IReadOnlyList<AccountResponse> Accounts, JournalCheckpoint Checkpoint)
{
    /// <summary>Reads all of it.</summary>
    /// <param name="client">An administrator's.</param>
    /// <param name="kept">A checkpoint of before that the journal has to agree with; null for none.</param>
    /// <param name="told">Told how many blocks were read.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="CommandFailure">The node's checkpoint is not signed by it.</exception>
    public static async Task<LedgerCheck> ReadAsync(
        StoaClient client, JournalCheckpoint? kept, Action<long> told, CancellationToken cancellationToken)
    {
        // Accounts first and blocks afterwards: each entry that an account is stated with is among those that are read.
        var accounts = new List<AccountResponse>();
        await foreach (var account in client.ListAccountsAsync(cancellationToken))
            accounts.Add(account);
        var node = PeerId.Parse((await client.GetNodeAsync(cancellationToken)).PeerId);
        if (!JournalCheckpoint.Open(await client.GetCheckpointAsync(cancellationToken), node).TryGet(out var checkpoint, out var fault))
            throw new CommandFailure(fault.Detail, ExitCode.Refused);

        var audit = new JournalAudit(accounts.Select(ToStated));
        var (sawKept, sawHead) = (kept is null || kept.Head == JournalHead.Empty, checkpoint.Head == JournalHead.Empty);
        await foreach (var block in client.ReadJournalAsync(0, cancellationToken))
        {
            audit.Add(new JournalBlock(block.Number, block.Count, block.Stride, block.Entries, ContentHash.Parse(block.Hash)));
            sawKept |= audit.Head == kept?.Head;
            sawHead |= audit.Head == checkpoint.Head;
            told(block.Number);
        }

        audit.Close(head: null);
        if (!sawHead)
            audit.Report(JournalFault.HeadDiffers, $"The node has signed that block {checkpoint.Head.Number} is {checkpoint.Head.Hash}; in the journal it is another.");
        if (!sawKept)
            audit.Report(JournalFault.HeadDiffers, $"By the checkpoint of {kept!.TakenAt:u} block {kept.Head.Number} is {kept.Head.Hash}; in the journal it is another: what came before was changed.");
        return new LedgerCheck(audit, accounts, checkpoint);
    }

    private static StatedAccount ToStated(AccountResponse account) => new(
        new Account(
            Id<Account>.Parse(account.Id),
            account.Owner,
            Enum.Parse<AccountKind>(account.Kind, ignoreCase: true),
            Money.Parse(account.Posted),
            Money.Parse(account.PendingDebits),
            Money.Parse(account.PendingCredits),
            account.CreatedAt),
        new JournalPlace(account.LatestEntry));
}
