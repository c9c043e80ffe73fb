using System.ComponentModel;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Audit;
using Stoa.Market.Identity;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Audit;

/// <summary>The audit log over HTTP. Administrators see all of it, those of an organisation what was done in its name, everybody else what they did themselves.</summary>
public static class AuditEndpoints
{
    private const string Csv = "text/csv";
    private const string JsonLines = "application/jsonl";
    private const int ExportedAtOnce = 200;
    private const int BlocksAtOnce = 8;

    public static void MapAudit(this IEndpointRouteBuilder api)
    {
        api.MapGet("/audit", ListAsync)
            .Needs(Permission.AuditRead)
            .WithName("listAudit").WithTags("Audit").WithSummary("List what was done")
            .WithDescription("The entries of the audit log, newest first: of all for administrators of the node; in the name of an organisation, for its administrators, those of what was done in its name by whomever; your own otherwise. A page may have fewer than asked for, or none, and still a nextCursor: go on there.")
            .Produces<ListResponse<AuditEntryResponse>>()
            .Refuses(RequestRefusal.Forbidden);
        api.MapGet("/audit.csv", ExportCsv)
            .Needs(Permission.AuditRead)
            .WithName("exportAuditCsv").WithTags("Audit").WithSummary("Export what was done as CSV")
            .WithDescription("The same entries as CSV (RFC 4180), newest first, with a header line.")
            .Produces<string>(StatusCodes.Status200OK, Csv)
            .Refuses(RequestRefusal.Forbidden);
        api.MapGet("/audit.jsonl", ExportLines)
            .Needs(Permission.AuditRead)
            .WithName("exportAudit").WithTags("Audit").WithSummary("Export the audit log")
            .WithDescription("For administrators all of the log, oldest first, in the form in which it is chained by hash: stoa audit verify checks it without the node, and docs/audit.md says how to do so by hand. What identifies a person in it is sealed, so that it can be erased and the chain still holds; the list shows it. For others their own entries, or their organisation's, a line of JSON each, newest first; those cannot be verified alone.")
            .Produces<string>(StatusCodes.Status200OK, JsonLines);
        api.MapGet("/audit/checkpoint", GetCheckpointAsync)
            .ForAnyCaller()
            .WithName("getAuditCheckpoint").WithTags("Audit").WithSummary("Have the end of the audit log signed")
            .WithDescription("The number and hash of the last block of the log, signed by the node (DSSE). Whoever keeps it can tell later that nothing before it was changed.")
            .Produces<DsseEnvelope>();
    }

    private static async Task<IResult> ListAsync(
        [AsParameters] AuditQuery asked, [AsParameters] ListQuery query, Caller caller, SqlAuditBlocks blocks, CancellationToken cancellationToken) =>
        await AnswerAsync(await blocks.ListAsync(asked.FilterFor(caller), query.ToPage(), cancellationToken), blocks, cancellationToken);

    private static async Task<IResult> AnswerAsync(Page<AuditEntry> page, SqlAuditBlocks blocks, CancellationToken cancellationToken)
    {
        var handles = await FindHandlesAsync(page.Items, blocks, cancellationToken);
        return TypedResults.Ok(ListQuery.Answer(page, entry => ToContract(entry, handles)));
    }

    private static Task<IReadOnlyDictionary<string, string>> FindHandlesAsync(
        IReadOnlyList<AuditEntry> entries, SqlAuditBlocks blocks, CancellationToken cancellationToken) =>
        blocks.FindHandlesAsync([.. entries.Select(entry => entry.Act.Actor).OfType<string>().Distinct()], cancellationToken);

    private static PushStreamHttpResult ExportCsv(
        [AsParameters] AuditQuery asked, Caller caller, SqlAuditBlocks blocks, HttpContext context, CancellationToken cancellationToken)
    {
        var filter = asked.FilterFor(caller);
        context.Response.Headers.ContentDisposition = "attachment; filename=\"audit.csv\"";
        return TypedResults.Stream(
            async stream =>
            {
                await using var writer = new StreamWriter(stream, leaveOpen: true) { NewLine = "\r\n" };
                await writer.WriteLineAsync(AuditCsv.Header);
                await foreach (var page in EachPageAsync(blocks, filter, cancellationToken))
                {
                    var handles = await FindHandlesAsync(page, blocks, cancellationToken);
                    foreach (var entry in page)
                        await writer.WriteLineAsync(AuditCsv.Line(entry, handles.GetValueOrDefault(entry.Act.Actor ?? "")));
                }
            },
            Csv);
    }

    private static PushStreamHttpResult ExportLines(
        [FromQuery, Description("For administrators: the number of a block, those behind it are exported. The whole log when left out.")] long? after,
        Caller caller,
        SqlAuditBlocks blocks,
        HttpContext context,
        CancellationToken cancellationToken)
    {
        context.Response.Headers.ContentDisposition = "attachment; filename=\"audit.jsonl\"";
        return caller.IsAdmin
            ? TypedResults.Stream(stream => WriteChainAsync(stream, blocks, after ?? 0, cancellationToken), JsonLines)
            : TypedResults.Stream(stream => WriteOwnAsync(stream, blocks, new AuditQuery().FilterFor(caller), cancellationToken), JsonLines);
    }

    private static async Task<IResult> GetCheckpointAsync(SqlAuditBlocks blocks, PrivateKey node, TimeProvider time, CancellationToken cancellationToken) =>
        TypedResults.Ok(AuditCheckpoint.Sign(await blocks.HeadAsync(cancellationToken), node, time.GetUtcNow()));

    private static async Task WriteChainAsync(Stream stream, SqlAuditBlocks blocks, long after, CancellationToken cancellationToken)
    {
        var before = await blocks.StartAsync(cancellationToken);
        if (after > before.Block)
        {
            before = await blocks.ReadAsync(after - 1, 1, cancellationToken) is [var block] && block.Number == after
                ? block.Head
                : await blocks.HeadAsync(cancellationToken);
        }

        await WriteLineAsync(stream, AuditFile.Begin(before), cancellationToken);
        while (await blocks.ReadAsync(before.Block, BlocksAtOnce, cancellationToken) is { Count: > 0 } read)
        {
            foreach (var block in read)
            {
                // When blocks were taken away meanwhile, the file ends where it is still whole.
                if (block.Number != before.Block + 1)
                    return;
                await stream.WriteAsync(block.Lines, cancellationToken);
                await WriteLineAsync(stream, AuditFile.Seal(block), cancellationToken);
                before = block.Head;
            }

            await stream.FlushAsync(cancellationToken);
        }
    }

    private static async Task WriteOwnAsync(Stream stream, SqlAuditBlocks blocks, AuditFilter filter, CancellationToken cancellationToken)
    {
        var line = new System.Buffers.ArrayBufferWriter<byte>();
        await foreach (var page in EachPageAsync(blocks, filter, cancellationToken))
        {
            foreach (var entry in page)
            {
                line.ResetWrittenCount();
                entry.Write(line);
                await WriteLineAsync(stream, line.WrittenMemory, cancellationToken);
            }
        }
    }

    private static async Task WriteLineAsync(Stream stream, ReadOnlyMemory<byte> line, CancellationToken cancellationToken)
    {
        await stream.WriteAsync(line, cancellationToken);
        await stream.WriteAsync("\n"u8.ToArray(), cancellationToken);
    }

    private static async IAsyncEnumerable<IReadOnlyList<AuditEntry>> EachPageAsync(
        SqlAuditBlocks blocks, AuditFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? cursor = null;
        do
        {
            var page = await blocks.ListAsync(filter, new PageRequest(ExportedAtOnce, cursor), cancellationToken);
            yield return page.Items;
            cursor = page.NextCursor;
        }
        while (cursor is not null);
    }

    private static AuditEntryResponse ToContract(AuditEntry entry, IReadOnlyDictionary<string, string> handles) => new(
        entry.Number, entry.Act.At, entry.Act.Name, entry.Act.Status, entry.Act.Actor, entry.Act.Credential, entry.Act.Address, entry.Act.Subject, entry.Act.Trace,
        entry.Act.Account, handles.GetValueOrDefault(entry.Act.Actor ?? ""));
}
