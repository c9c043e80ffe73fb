using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Node.Audit;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Privacy;

/// <summary>Everything that is stored about a person, as lines of JSON: <c>{ "kind", "value" }</c>. It is read piece by piece, never held as a whole.</summary>
public sealed class PersonalExport(Database database, ILedgerStore ledger, SqlAuditBlocks audit, IContentStore content)
{
    private const int TransfersAtOnce = 500;
    private const int EntriesAtOnce = 200;
    private const int DigestsAtOnce = 100;
    private const int ContentBytesAtOnce = 192 << 10;

    /// <summary>Writes all of it, or all but what is in the content store.</summary>
    public async Task WriteAsync(Id<User> user, bool withContent, Stream destination, CancellationToken cancellationToken)
    {
        foreach (var table in PersonalData.Tables)
            await WriteTableAsync(table, user, destination, cancellationToken);
        await WriteTransfersAsync(user, destination, cancellationToken);
        await WriteAuditAsync(user, destination, cancellationToken);
        if (withContent)
            await WriteContentAsync(user, destination, cancellationToken);
    }

    private async Task WriteTableAsync(PersonalTable table, Id<User> user, Stream destination, CancellationToken cancellationToken)
    {
        var after = "";
        while (true)
        {
            var read = await database.ReadAsync(
                async session =>
                {
                    var rows = await session.QueryAsync<(string Key, string Json)>(table.ToQuery(), new { user, after, limit = table.PageSize });
                    var lines = rows.Select(row => (table.Name, row.Json)).ToList();
                    var ids = rows.Select(row => row.Key).ToList();
                    foreach (var part in ids.Count == 0 ? [] : table.Parts)
                        lines.AddRange((await session.QueryAsync<(string Key, string Json)>(part.ToPartQuery(), new { ids })).Select(row => (part.Name, row.Json)));
                    return (Lines: lines, Last: ids.Count < table.PageSize ? null : ids[^1]);
                },
                cancellationToken);
            foreach (var (name, json) in read.Lines)
                await WriteLineAsync(destination, name, ToValue(json), cancellationToken);
            if (read.Last is null)
                return;
            after = read.Last;
        }
    }

    private async Task WriteTransfersAsync(Id<User> user, Stream destination, CancellationToken cancellationToken)
    {
        await WriteTransfersAsync(user, AccountKind.Wallet, "wallet", "transfers", destination, cancellationToken);
        await WriteTransfersAsync(user, AccountKind.Credit, "credit", "credit_transfers", destination, cancellationToken);
    }

    private async Task WriteTransfersAsync(Id<User> user, AccountKind kind, string accountName, string transfersName, Stream destination, CancellationToken cancellationToken)
    {
        if (await ledger.FindAccountAsync(user.ToString(), kind, cancellationToken) is not { } wallet)
            return;
        await WriteLineAsync(
            destination,
            accountName,
            new JsonObject { ["id"] = wallet.Id.ToString(), ["posted"] = wallet.Posted.ToString(), ["held"] = wallet.PendingDebits.ToString() },
            cancellationToken);
        string? cursor = null;
        do
        {
            var page = await ledger.ListTransfersAsync(wallet.Id, new PageRequest(TransfersAtOnce, cursor), cancellationToken);
            foreach (var transfer in page.Items)
            {
                var value = new JsonObject
                {
                    ["id"] = transfer.Id.ToString(),
                    ["kind"] = EnumWord.Of(transfer.Kind),
                    ["purpose"] = EnumWord.Of(transfer.Purpose),
                    ["direction"] = transfer.CreditAccountId == wallet.Id ? "in" : "out",
                    ["amount"] = transfer.Amount.ToString(),
                    ["cause"] = transfer.Cause,
                    ["createdAt"] = Text(transfer.CreatedAt),
                };
                await WriteLineAsync(destination, transfersName, value, cancellationToken);
            }

            cursor = page.NextCursor;
        }
        while (cursor is not null);
    }

    private async Task WriteAuditAsync(Id<User> user, Stream destination, CancellationToken cancellationToken)
    {
        var (filter, cursor) = (new AuditFilter(user.ToString()), (string?)null);
        do
        {
            var page = await audit.ListAsync(filter, new PageRequest(EntriesAtOnce, cursor), cancellationToken);
            foreach (var entry in page.Items)
            {
                var value = new JsonObject
                {
                    ["entry"] = entry.Number,
                    ["at"] = Text(entry.Act.At),
                    ["act"] = entry.Act.Name,
                    ["status"] = entry.Act.Status,
                    ["account"] = entry.Act.Account,
                    ["credential"] = entry.Act.Credential,
                    ["address"] = entry.Act.Address,
                    ["subject"] = entry.Act.Subject,
                    ["traceId"] = entry.Act.Trace,
                };
                await WriteLineAsync(destination, "audit", value, cancellationToken);
            }

            cursor = page.NextCursor;
        }
        while (cursor is not null);
    }

    /// <summary>Uploads and outputs, in pieces: a line each.</summary>
    private async Task WriteContentAsync(Id<User> user, Stream destination, CancellationToken cancellationToken)
    {
        var (after, buffer) = ("", new byte[ContentBytesAtOnce]);
        while (true)
        {
            var digests = await database.ReadAsync(
                session => session.QueryAsync<string>(
                    "SELECT digest FROM content_owners WHERE owner = @user AND digest > @after ORDER BY digest LIMIT @limit", new { user, after, limit = DigestsAtOnce }),
                cancellationToken);
            foreach (var digest in digests)
            {
                await using var source = await content.OpenAsync(ContentHash.Parse(digest), cancellationToken);
                if (source is null)
                    continue;
                for (long offset = 0; await source.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken) is var count && count > 0; offset += count)
                {
                    var value = new JsonObject { ["digest"] = digest, ["offset"] = offset, ["base64"] = Convert.ToBase64String(buffer, 0, count) };
                    await WriteLineAsync(destination, "content", value, cancellationToken);
                }
            }

            if (digests.Count < DigestsAtOnce)
                return;
            after = digests[^1];
        }
    }

    /// <summary>A row as the API would write it: names in camelCase, times as text.</summary>
    private static JsonObject ToValue(string json)
    {
        var value = new JsonObject();
        foreach (var (name, member) in JsonNode.Parse(json)!.AsObject().Where(member => member.Value is not null))
        {
            var isTime = (name == "at" || name.EndsWith("_at", StringComparison.Ordinal)) && member!.GetValueKind() is JsonValueKind.Number;
            value[Camel(name)] = isTime ? Text(DateTimeOffset.FromUnixTimeMilliseconds(member!.GetValue<long>())) : member!.DeepClone();
        }

        return value;
    }

    private static string Camel(string column)
    {
        var words = column.Split('_');
        return words[0] + string.Concat(words.Skip(1).Select(word => char.ToUpperInvariant(word[0]) + word[1..]));
    }

    private static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private static async Task WriteLineAsync(Stream destination, string kind, JsonObject value, CancellationToken cancellationToken)
    {
        var line = new JsonObject { ["kind"] = kind, ["value"] = value };
        await destination.WriteAsync(System.Text.Encoding.UTF8.GetBytes(line.ToJsonString(Http.StrictJson.Options) + "\n"), cancellationToken);
    }
}
