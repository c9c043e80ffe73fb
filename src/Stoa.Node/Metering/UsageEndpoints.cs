using System.ComponentModel;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Metering;
using Stoa.Node.Http;
using Stoa.Node.Identity;

namespace Stoa.Node.Metering;

/// <summary>What was used, paid and earned, over HTTP.</summary>
public static class UsageEndpoints
{
    private const int ExportedAtOnce = 1_000;
    private const string Csv = "text/csv";

    public static void MapUsage(this IEndpointRouteBuilder api)
    {
        api.MapGet("/usage", ListAsync)
            .Needs(Permission.WalletRead)
            .WithName("listUsage").WithTags("Usage").WithSummary("Report what was used, paid and earned")
            .WithDescription("By hour, day or month of UTC, newest first. All that was charged before the request is in it: a task counts in the period in which it ended, storage in its hour, a transfer in the period in which it ended, and requests to a model in that in which they were settled, about a second after they ended.")
            .Produces<ListResponse<UsageResponse>>()
            .Refuses(RequestRefusal.Forbidden);
        api.MapGet("/usage.csv", Export)
            .Needs(Permission.WalletRead)
            .WithName("exportUsage").WithTags("Usage").WithSummary("Export the report as CSV")
            .WithDescription("The same rows, all of them, as RFC 4180 has it.")
            .Produces<string>(StatusCodes.Status200OK, Csv)
            .Refuses(RequestRefusal.Forbidden);
        api.MapGet("/usage/events", ListEventsAsync)
            .Needs(Permission.WalletRead)
            .WithName("listUsageEvents").WithTags("Usage").WithSummary("List usage events, newest first")
            .WithDescription("One for each task that was charged, made of its signed receipt, for each hour of storage and for each transfer that was paid, and for each second or so in which requests to a model were; the schema is at /schemas/usage-event.v1.json. A page may be short and not be the last one.")
            .Produces<ListResponse<CloudEvent>>()
            .Refuses(RequestRefusal.Forbidden);
        api.MapGet("/usage/verification", VerifyAsync)
            .Needs(Permission.NodeAdmin)
            .WithName("verifyUsage").WithTags("Usage").WithSummary("Add all usage up anew")
            .WithDescription("For administrators. Reads the whole journal and what was measured of every task, hour of storage, transfer and request to a model in it, and compares with the totals.")
            .Produces<UsageAuditResponse>();
    }

    /// <summary>The schema of usage events, for everybody.</summary>
    public static void MapUsageSchema(this IEndpointRouteBuilder app) =>
        app.MapGet("/schemas/usage-event.v1.json", () => TypedResults.Bytes(UsageSchema.Utf8, "application/schema+json")).ExcludeFromDescription();

    private static async Task<IResult> ListAsync(
        [AsParameters] UsageParameters asked, [AsParameters] ListQuery list, Caller caller, SqlUsageStore usage, TimeProvider time, CancellationToken cancellationToken)
    {
        var query = asked.ToQuery(caller, time.GetUtcNow());
        var page = await usage.ReportAsync(query, list.ToPage(), cancellationToken);
        return TypedResults.Ok(ListQuery.Answer(page, row => MeteringContracts.ToContract(row, query)));
    }

    private static PushStreamHttpResult Export(
        [AsParameters] UsageParameters asked, Caller caller, SqlUsageStore usage, HttpContext context, TimeProvider time, CancellationToken cancellationToken)
    {
        var query = asked.ToQuery(caller, time.GetUtcNow());
        context.Response.Headers.ContentDisposition = "attachment; filename=\"usage.csv\"";
        return TypedResults.Stream(
            async stream =>
            {
                await using var writer = new StreamWriter(stream, leaveOpen: true) { NewLine = "\r\n" };
                await writer.WriteLineAsync(UsageCsv.Header);
                string? cursor = null;
                do
                {
                    var page = await usage.ReportAsync(query, new PageRequest(ExportedAtOnce, cursor), cancellationToken);
                    foreach (var row in page.Items)
                        await writer.WriteLineAsync(UsageCsv.Line(row, query));
                    await writer.FlushAsync(cancellationToken);
                    cursor = page.NextCursor;
                }
                while (cursor is not null);
            },
            Csv);
    }

    private static async Task<IResult> ListEventsAsync(
        [FromQuery(Name = "role"), Description("consumer: what you paid for; creator: tasks that earned you a share; operator: what earned the operator one, for administrators. consumer when left out.")] string? role,
        [AsParameters] ListQuery list,
        Caller caller,
        SqlUsageStore usage,
        ILedgerStore ledger,
        SystemAccounts accounts,
        CancellationToken cancellationToken)
    {
        var errors = new List<FieldError>();
        var view = UsageParameters.Read(role, "role", UsageRole.Consumer, errors);
        if (errors.Count > 0)
            throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: errors);
        UsageParameters.RefuseUnlessTheirs(view, caller);
        var page = list.ToPage();
        var account = view is UsageRole.Operator
            ? accounts.Node
            : (await ledger.FindAccountAsync(caller.UserId.ToString(), AccountKind.Wallet, cancellationToken))?.Id;
        if (account is not { } found)
            return TypedResults.Ok(new ListResponse<CloudEvent>([]));
        var sources = await usage.ListSourcesAsync(view is UsageRole.Consumer ? [found, Account.CreditOf(caller.UserId)] : [found], view, page, cancellationToken);
        return TypedResults.Ok(ListQuery.Answer(sources, source => MeteringContracts.ToUsageEvent(source, showsConsumer: view is not UsageRole.Creator)));
    }

    private static async Task<IResult> VerifyAsync(SqlUsageStore usage, CancellationToken cancellationToken)
    {
        var audit = await usage.VerifyAsync(cancellationToken);
        return TypedResults.Ok(new UsageAuditResponse(
            audit.FindingCount == 0, audit.Block, audit.TotalCount, audit.Events, audit.Paid.ToString(), audit.Findings.Count == 0 ? null : audit.Findings));
    }
}
