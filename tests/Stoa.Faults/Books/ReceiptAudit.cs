using Stoa.Faults.Load;
using Stoa.Market.Ledger;
using Stoa.Market.Tasks;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Faults.Books;

/// <summary>
/// Reads every receipt: signed by a node, of an agent that wrote what it had read, as all of these runs do that succeed, with the calls that the agent makes, and with what was moved in the ledger.
/// </summary>
/// <param name="database">Where they are.</param>
/// <param name="report">Told of what is not as it should be.</param>
/// <param name="moved">What was moved, by task.</param>
internal sealed class ReceiptAudit(Database database, FaultReport report, ILookup<string, Moved> moved)
{
    private const int ReadAtOnce = 500;

    private int _calls;
    private int _failedCalls;
    private int _unpaid;

    public async Task CheckAsync(CancellationToken cancellationToken)
    {
        var shares = await OpenSharesAsync(cancellationToken);
        var (after, count) = ("", 0);
        while (await database.ReadAsync(
            session => session.QueryAsync<(string Id, byte[] Envelope)>(
                "SELECT id, envelope FROM receipts WHERE id > @after ORDER BY id LIMIT @limit", new { after, limit = ReadAtOnce }),
            cancellationToken) is { Count: > 0 } rows)
        {
            foreach (var (id, envelope) in rows)
                Check(id, envelope, shares);
            count += rows.Count;
            after = rows[^1].Id;
        }

        report.Add("receipts", count);
        report.Add("agent_calls", _calls);
        report.Add("agent_calls_failed", _failedCalls);
        report.Add("shares_exact", _unpaid == 0 ? 1 : 0);
    }

    private void Check(string id, byte[] envelope, ReceiptShares shares)
    {
        if (!ReceiptVerifier.Verify(DsseEnvelope.FromJson(envelope), null).TryGet(out var receipt, out var refusal))
        {
            report.Break($"The receipt {id} is not to be believed: {refusal.Code}: {refusal.Detail}");
            return;
        }

        if (receipt.OutputDigest != receipt.InputDigest)
            report.Break($"{receipt.TaskId} read {receipt.Usage.InputBytes} bytes and wrote {receipt.Usage.OutputBytes}, and not the same.");
        if (Calling.CallsOf(receipt.Agent) is var wanted && receipt.Calls.Count != wanted)
            report.Break($"{receipt.TaskId} made {receipt.Calls.Count} calls, not {wanted}.");
        _calls += receipt.Calls.Count;
        _failedCalls += receipt.Calls.Count(call => call.Failure is not null);
        foreach (var difference in shares.Compare(receipt, moved[receipt.TaskId.ToString()]))
        {
            _unpaid++;
            report.Break(difference);
        }
    }

    private async Task<ReceiptShares> OpenSharesAsync(CancellationToken cancellationToken)
    {
        var wallets = (await database.ReadAsync(
            session => session.QueryAsync<(string Handle, Id<Account> Wallet)>("SELECT u.handle, a.id FROM users AS u JOIN accounts AS a ON a.owner = u.id AND a.kind = 'Wallet'"),
            cancellationToken)).ToDictionary(row => row.Handle, row => row.Wallet, StringComparer.Ordinal);
        var ledger = new SqlLedgerStore(database);
        return new ReceiptShares(wallets, await FindAsync("clearing", AccountKind.Clearing), await FindAsync("node", AccountKind.Node), await FindAsync("platform", AccountKind.Platform));

        async Task<Id<Account>> FindAsync(string owner, AccountKind kind) => (await ledger.FindAccountAsync(owner, kind, cancellationToken))!.Id;
    }
}
