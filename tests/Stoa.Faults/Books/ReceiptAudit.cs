using Stoa.Market.Tasks;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Faults.Books;

/// <summary>Reads every receipt: signed by a node, and of an agent that wrote what it had read, as all of these runs do that succeed.</summary>
internal sealed class ReceiptAudit(Database database, FaultReport report)
{
    private const int ReadAtOnce = 500;

    public async Task CheckAsync(CancellationToken cancellationToken)
    {
        var (after, count) = ("", 0);
        while (await database.ReadAsync(
            session => session.QueryAsync<(string Id, byte[] Envelope)>(
                "SELECT id, envelope FROM receipts WHERE id > @after ORDER BY id LIMIT @limit", new { after, limit = ReadAtOnce }),
            cancellationToken) is { Count: > 0 } rows)
        {
            foreach (var (id, envelope) in rows)
                Check(id, envelope);
            count += rows.Count;
            after = rows[^1].Id;
        }

        report.Add("receipts", count);
    }

    private void Check(string id, byte[] envelope)
    {
        if (!ReceiptVerifier.Verify(DsseEnvelope.FromJson(envelope), null).TryGet(out var receipt, out var refusal))
            report.Break($"The receipt {id} is not to be believed: {refusal.Code}: {refusal.Detail}");
        else if (receipt.OutputDigest != receipt.InputDigest)
            report.Break($"{receipt.TaskId} read {receipt.Usage.InputBytes} bytes and wrote {receipt.Usage.OutputBytes}, and not the same.");
    }
}
