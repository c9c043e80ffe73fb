using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa usage</c>: what was used, paid and earned. Holds <c>events</c> and <c>verify</c>.</summary>
internal sealed class UsageCommand : StoaCommand
{
    private readonly Option<string?> _as = Role();
    private readonly Option<string?> _by = new("--by") { Description = "Periods of UTC: hour, day or month. Default: day.", HelpName = "PERIOD" };
    private readonly Option<string?> _group = new("--group-by") { Description = "What is told apart within a period: none, agent, version, node, kind, or consumer for operators. Default: agent.", HelpName = "WHAT" };
    private readonly Option<string?> _agent = new("--agent", "-a") { Description = "Only this agent, in all of its versions.", HelpName = "PUBLISHER/NAME" };
    private readonly Option<DateTimeOffset?> _from = new("--from") { Description = "Periods from this time on. Default: the last 24 hours, 31 days or 12 months.", HelpName = "TIME", CustomParser = Quantity.Instant };
    private readonly Option<DateTimeOffset?> _to = new("--to") { Description = "Periods before this time. Default: now.", HelpName = "TIME", CustomParser = Quantity.Instant };
    private readonly Option<bool> _csv = new("--csv") { Description = "All rows as CSV." };
    private readonly Option<string?> _output = new("--output", "-o") { Description = "Write the CSV to a file.", HelpName = "FILE" };
    private readonly Option<int> _limit = ListLimit.Option();

    public UsageCommand(CommandScope scope)
        : base(
            scope,
            "usage",
            "Show what was used, paid and earned, by hour, day or month.",
            new("What did I spend this month, and on which agents?", "stoa usage --by month"),
            new("What did each version of my agents earn?", "stoa usage --as creator --group-by version"),
            new("For the accountant", "stoa usage --from 2026-01-01 --by month --csv -o usage.csv"))
    {
        foreach (var option in new Option[] { _as, _by, _group, _agent, _from, _to, _csv, _output, _limit })
            Add(option);
        _by.Accepts("hour", "day", "month");
        _group.Accepts("none", "agent", "version", "node", "kind", "consumer");
        Add(new EventsCommand(scope));
        Add(new VerifyCommand(scope));
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var query = new UsageQuery
        {
            Role = invocation.Get(_as),
            By = invocation.Get(_by),
            GroupBy = invocation.Get(_group),
            Agent = invocation.Get(_agent),
            From = invocation.Get(_from),
            To = invocation.Get(_to),
        };
        if (invocation.Get(_csv) || invocation.Get(_output) is not null)
            return await ExportAsync(invocation, query, cancellationToken);
        var (rows, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListUsageAsync(query, cancellationToken), invocation.Get(_limit));
        if (invocation.IsJson)
        {
            invocation.Screen.Json(new ListResponse<UsageResponse>(rows), json => json.ListResponseUsageResponse);
            return ExitCode.Ok;
        }

        if (rows.Count == 0)
        {
            invocation.Screen.Note("Nothing was charged in this time.");
            return ExitCode.Ok;
        }

        Show(invocation.Screen, rows, query, hasMore);
        ListLimit.TellOfMore(invocation, hasMore);
        return ExitCode.Ok;
    }

    private async Task<int> ExportAsync(Invocation invocation, UsageQuery query, CancellationToken cancellationToken)
    {
        var path = invocation.Get(_output);
        ResultOutput.RefuseUnwritable(invocation, path);
        if (path is null or "-")
        {
            await invocation.Client.ExportUsageAsync(invocation.Surroundings.Output, query, cancellationToken);
            return ExitCode.Ok;
        }

        await ResultOutput.SaveAsync(invocation.Surroundings.FullPath(path), file => invocation.Client.ExportUsageAsync(file, query, cancellationToken));
        invocation.Screen.Note($"Written to {Format.Escaped(path)}.");
        return ExitCode.Ok;
    }

    private static void Show(Screen screen, IReadOnlyList<UsageResponse> rows, UsageQuery query, bool hasMore)
    {
        var isGrouped = query.GroupBy != "none";
        // Most have none of it, and a table is as wide as a screen.
        var hasCharges = rows.Any(row => row.ByteHours > 0 || row.TransferBytes > 0);
        var hasRequests = rows.Any(row => row.Requests > 0);
        var earns = query.Role is "creator" or "operator";
        List<string> headings = ["Period", .. isGrouped ? ["What"] : (string[])[], "Tasks", "Calls", "Fuel", "In", "Out", "Time", .. hasCharges ? ["Kept", "Sent"] : (string[])[], .. hasRequests ? ["Requests", "Tokens in", "Tokens out"] : (string[])[], "Paid", .. earns ? ["Earned"] : (string[])[]];
        var lines = rows.Select(row => Line(Period(row.Start, query.By), row)).ToList();
        // Of a part of them a sum would be taken for that of all.
        if (!hasMore)
        {
            lines.Add(Line("all", new UsageResponse(
                default,
                rows.Sum(row => row.Events),
                rows.Sum(row => row.Fuel),
                rows.Sum(row => row.InputBytes),
                rows.Sum(row => row.OutputBytes),
                rows.Sum(row => row.DurationMs),
                Sum(rows.Select(row => row.Paid)),
                Sum(rows.Select(row => row.Earned ?? "0")),
                Calls: rows.Sum(row => row.Calls),
                Charges: rows.Sum(row => row.Charges),
                ByteHours: rows.Sum(row => row.ByteHours),
                TransferBytes: rows.Sum(row => row.TransferBytes),
                Requests: rows.Sum(row => row.Requests),
                InputTokens: rows.Sum(row => row.InputTokens),
                OutputTokens: rows.Sum(row => row.OutputTokens))));
        }

        screen.Table(headings, lines);

        IReadOnlyList<string> Line(string period, UsageResponse row) =>
        [
            period,
            .. isGrouped ? [row.Group ?? ""] : (string[])[],
            Format.Invariant($"{row.Events - row.Calls - row.Charges:N0}"),
            Format.Invariant($"{row.Calls:N0}"),
            Format.Fuel(row.Fuel),
            Format.Size(row.InputBytes),
            Format.Size(row.OutputBytes),
            Format.Duration(TimeSpan.FromMilliseconds(row.DurationMs)),
            .. hasCharges ? [$"{Format.Size(row.ByteHours)} h", Format.Size(row.TransferBytes)] : (string[])[],
            .. hasRequests ? [Format.Invariant($"{row.Requests:N0}"), Format.Invariant($"{row.InputTokens:N0}"), Format.Invariant($"{row.OutputTokens:N0}")] : (string[])[],
            Format.Money(row.Paid),
            .. earns ? [Format.Money(row.Earned ?? "0")] : (string[])[],
        ];
    }

    private static string Sum(IEnumerable<string> amounts) => amounts.Aggregate(Money.Zero, (sum, amount) => sum + Money.Parse(amount)).ToString();

    private static string Period(DateTimeOffset start, string? by) => start.UtcDateTime.ToString(
        by switch
        {
            "hour" => "yyyy-MM-dd HH:mm",
            "month" => "yyyy-MM",
            _ => "yyyy-MM-dd",
        },
        CultureInfo.InvariantCulture);

    private static Option<string?> Role()
    {
        var role = new Option<string?>("--as") { Description = "Whose view: consumer (what you spent), creator (what your agents earned) or operator (what the nodes ran and earned; administrators only). Default: consumer.", HelpName = "ROLE" };
        role.Accepts("consumer", "creator", "operator");
        return role;
    }

    /// <summary><c>stoa usage events</c>.</summary>
    private sealed class EventsCommand : StoaCommand
    {
        private readonly Option<string?> _as = Role();
        private readonly Option<int> _limit = ListLimit.Option();

        public EventsCommand(CommandScope scope)
            : base(
                scope,
                "events",
                "List usage events, newest first: one for each task that was charged, for each hour of storage and for each transfer that was paid, and for each second or so in which requests to a model were.",
                new("What was charged just now?", "stoa usage events -n 10"),
                new("All that my agents earned, for a program", "stoa usage events --as creator -n 1000 --json"))
        {
            Add(_as);
            Add(_limit);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (events, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListUsageEventsAsync(invocation.Get(_as), cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<CloudEvent>(events), json => json.ListResponseCloudEvent);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["When", "Event", "What", "Used", "Time", "Price"],
                [.. events.Select(used => (IReadOnlyList<string>)
                [
                    ListLimit.When(invocation, used.Time),
                    used.Data.TryGetProperty("taskId", out var task) ? task.GetString() ?? "" : used.Id,
                    used.Data.TryGetProperty("agent", out var agent) ? agent.GetString() ?? "" : used.Data.TryGetProperty("model", out var model) ? model.GetString() ?? "" : used.Data.GetProperty("kind").GetString() ?? "",
                    Used(used.Data.GetProperty("quantities")),
                    used.Data.GetProperty("quantities").TryGetProperty("durationMs", out var duration) ? Format.Duration(TimeSpan.FromMilliseconds(duration.GetInt64())) : "",
                    Format.Money(used.Data.GetProperty("price").GetString() ?? "0"),
                ])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    /// <summary>What of the quantities of an event says most.</summary>
    private static string Used(JsonElement quantities) =>
        quantities.TryGetProperty("fuel", out var fuel) ? Format.Fuel(fuel.GetInt64())
        : quantities.TryGetProperty("byteHours", out var kept) ? $"{Format.Size(kept.GetInt64())} h"
        : quantities.TryGetProperty("outputTokens", out var written) ? Format.Invariant($"{quantities.GetProperty("inputTokens").GetInt64():N0} + {written.GetInt64():N0} tokens")
        : quantities.TryGetProperty("bytes", out var sent) ? Format.Size(sent.GetInt64())
        : "";

    /// <summary><c>stoa usage verify</c>.</summary>
    private sealed class VerifyCommand : StoaCommand
    {
        public VerifyCommand(CommandScope scope)
            : base(
                scope,
                "verify",
                "Have the node add all usage up anew, out of the journal, and compare with its totals. Administrators only. The exit code is 0 when all of it holds.",
                new CommandExample("Are the reports right?", "stoa usage verify"))
        {
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var audit = await invocation.Client.VerifyUsageAsync(cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(audit, json => json.UsageAuditResponse);
            foreach (var finding in invocation.IsJson ? [] : audit.Findings ?? [])
                invocation.Screen.Markup($"[red]✗[/] {Format.Escaped(finding)}");
            if (audit.Holds && !invocation.IsJson)
                invocation.Screen.Markup($"[green]✓[/] {Format.Count(audit.Totals, "total")} of {Format.Count(audit.Events, "event")} that paid {Format.Money(audit.Paid)}: each is what the journal comes to, up to block {audit.Block:N0}.");
            return audit.Holds ? ExitCode.Ok : ExitCode.Refused;
        }
    }
}
