using System.CommandLine;
using System.Globalization;
using Stoa.Cli.Receipts;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;
using Stoa.Market.Audit;
using Stoa.Primitives;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa audit</c>: what was done over the API, and whether anybody has changed the record of it.</summary>
internal static class AuditCommands
{
    public static Command Create(CommandScope scope) => new CommandGroup(
        "audit",
        "What was done over the API, by whom and when, and whether the record of it is whole.",
        [
            new("What did I do lately?", "stoa audit list"),
            new("Keep the log and proof of its end elsewhere", "stoa audit export -o audit.jsonl && stoa audit checkpoint -o audit-today.json"),
            new("Check it there, without the node", "stoa audit verify audit.jsonl --checkpoint audit-today.json"),
        ],
        new ListCommand(scope),
        new ExportCommand(scope),
        new CheckpointCommand(scope),
        new VerifyCommand(scope));

    private static Option<string?> ActorOption() => new("--actor") { Description = "Only what this user did, by id. For administrators.", HelpName = "USER" };

    private static Option<string?> ActOption() => new("--act") { Description = "Only this act, such as createApiKey.", HelpName = "NAME" };

    private static Option<string?> FromOption() => new("--from") { Description = "Only what was done at this time or later, such as 2026-11-01 or 2026-11-01T12:00:00Z.", HelpName = "TIME" };

    private static Option<string?> ToOption() => new("--to") { Description = "Only what was done before this time.", HelpName = "TIME" };

    private static DateTimeOffset? Time(Invocation invocation, Option<string?> option)
    {
        if (invocation.Get(option) is not { } text)
            return null;
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? time
            : throw new CommandFailure($"'{text}' is not a time such as 2026-11-01 or 2026-11-01T12:00:00Z, for {option.Name}.");
    }

    private static async Task<AuditCheckpoint> ReadCheckpointAsync(Invocation invocation, string path, CancellationToken cancellationToken) =>
        AuditCheckpoint.Open(await SmallFile.ReadEnvelopeAsync(invocation, path, "checkpoint", cancellationToken), null).TryGet(out var checkpoint, out var fault)
            ? checkpoint
            : throw new CommandFailure(fault.Detail, ExitCode.Refused);

    /// <summary><c>stoa audit list</c>.</summary>
    private sealed class ListCommand : StoaCommand
    {
        private readonly Option<int> _limit = ListLimit.Option();
        private readonly Option<string?> _actor = ActorOption();
        private readonly Option<string?> _act = ActOption();
        private readonly Option<string?> _from = FromOption();
        private readonly Option<string?> _to = ToOption();

        public ListCommand(CommandScope scope)
            : base(
                scope,
                "list",
                "List what was done, newest first: your own acts, or everybody's for administrators.",
                new("What did I do lately?", "stoa audit list"),
                new("Who tried to sign in this month?", "stoa audit list --act createSession --from 2026-11-01"))
        {
            Add(_limit);
            Add(_actor);
            Add(_act);
            Add(_from);
            Add(_to);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var all = invocation.Client.ListAuditAsync(
                invocation.Get(_actor), invocation.Get(_act), Time(invocation, _from), Time(invocation, _to), cancellationToken);
            var (entries, hasMore) = await ListLimit.TakeAsync(all, invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<AuditEntryResponse>(entries), json => json.ListResponseAuditEntryResponse);
                return ExitCode.Ok;
            }

            invocation.Screen.Table(
                ["Entry", "At", "Act", "Status", "Actor", "Credential", "Address", "Subject"],
                [.. entries.Select(entry => (IReadOnlyList<string>)
                [
                    Format.Invariant($"{entry.Entry}"), ListLimit.When(invocation, entry.At), entry.Act, Format.Invariant($"{entry.Status}"),
                    entry.ActorHandle ?? entry.Actor ?? "", entry.Credential ?? "", entry.Address ?? "", entry.Subject ?? "",
                ])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    /// <summary><c>stoa audit export</c>.</summary>
    private sealed class ExportCommand : StoaCommand
    {
        private readonly Option<string?> _output = new("--output", "-o") { Description = "Where to write it. Default: standard output.", HelpName = "FILE" };
        private readonly Option<bool> _csv = new("--csv") { Description = "As CSV, newest first, for spreadsheets. That form cannot be verified." };
        private readonly Option<string?> _actor = ActorOption();
        private readonly Option<string?> _act = ActOption();
        private readonly Option<string?> _from = FromOption();
        private readonly Option<string?> _to = ToOption();

        public ExportCommand(CommandScope scope)
            : base(
                scope,
                "export",
                "Write the audit log: for administrators all of it, in the form that stoa audit verify checks; for others what they did themselves.",
                new("All of it, to be kept elsewhere", "stoa audit export -o audit.jsonl"),
                new("November for a spreadsheet", "stoa audit export --csv --from 2026-11-01 --to 2026-12-01 -o november.csv"))
        {
            Add(_output);
            Add(_csv);
            Add(_actor);
            Add(_act);
            Add(_from);
            Add(_to);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (actor, act, from, to) = (invocation.Get(_actor), invocation.Get(_act), Time(invocation, _from), Time(invocation, _to));
            var isCsv = invocation.Get(_csv);
            if (!isCsv && ((actor ?? act) is not null || (from ?? to) is not null))
                throw new CommandFailure("A part of the log cannot be verified: --actor, --act, --from and --to go with --csv.", hint: "Leave them out for the whole log, or add --csv.");
            var path = invocation.Get(_output);
            ResultOutput.RefuseUnwritable(invocation, path);
            Task WriteAsync(Stream file) => isCsv
                ? invocation.Client.ExportAuditCsvAsync(file, actor, act, from, to, cancellationToken)
                : invocation.Client.ExportAuditAsync(file, cancellationToken);
            if (path is null or "-")
            {
                await WriteAsync(invocation.Surroundings.Output);
                return ExitCode.Ok;
            }

            await ResultOutput.SaveAsync(invocation.Surroundings.FullPath(path), WriteAsync);
            invocation.Screen.Note($"Written to {Format.Escaped(path)}.");
            return ExitCode.Ok;
        }
    }

    /// <summary><c>stoa audit checkpoint</c>.</summary>
    private sealed class CheckpointCommand : StoaCommand
    {
        private readonly Option<string?> _output = new("--output", "-o") { Description = "Where to write it. Default: standard output.", HelpName = "FILE" };

        public CheckpointCommand(CommandScope scope)
            : base(
                scope,
                "checkpoint",
                "Have the node sign where its audit log ends. Whoever keeps that can tell later whether anything before it was changed.",
                new CommandExample("Keep today's", "stoa audit checkpoint -o audit-today.json")) =>
            Add(_output);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var path = invocation.Get(_output);
            ResultOutput.RefuseUnwritable(invocation, path);
            var envelope = await invocation.Client.GetAuditCheckpointAsync(cancellationToken);
            if (!AuditCheckpoint.Open(envelope, null).TryGet(out var checkpoint, out var fault))
                throw new CommandFailure(fault.Detail, ExitCode.Refused);
            await ResultOutput.WriteAsync(invocation, envelope, path, $"Entry {checkpoint.Head.Entry:N0}, signed by node {checkpoint.NodeKey.PeerId}", cancellationToken);
            return ExitCode.Ok;
        }
    }

    /// <summary><c>stoa audit verify</c>.</summary>
    private sealed class VerifyCommand : StoaCommand
    {
        private readonly Argument<string?> _file = new("FILE") { Description = "What stoa audit export wrote. Left out: the log of the node, as it is now (administrators only).", Arity = ArgumentArity.ZeroOrOne };
        private readonly Option<string?> _checkpoint = new("--checkpoint") { Description = "A file that `stoa audit checkpoint` wrote: the log has to agree with it.", HelpName = "FILE" };

        public VerifyCommand(CommandScope scope)
            : base(
                scope,
                "verify",
                "Check that the audit log is whole: numbers without gaps, every hash from the one before it, and what a checkpoint says. A file is checked without the node. The exit code is 0 when all of it holds.",
                new("The node's log, as it is now", "stoa audit verify"),
                new("A log that was kept, without the node", "stoa audit verify audit.jsonl --checkpoint audit-today.json"))
        {
            Add(_file);
            Add(_checkpoint);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var checkpoints = new List<AuditCheckpoint>();
            if (invocation.Get(_checkpoint) is { } kept)
                checkpoints.Add(await ReadCheckpointAsync(invocation, kept, cancellationToken));
            await using var log = invocation.Get(_file) is { } path ? OpenFile(invocation, path) : await DownloadAsync(invocation, checkpoints, cancellationToken);
            var check = await TaskProgress.RunAsync(
                invocation.Screen,
                "reading the audit log",
                tell => AuditFileCheck.ReadAsync(log, checkpoints, entry => tell.Show($"reading the audit log, entry {entry:N0}", 0), cancellationToken));
            Tell(invocation.Screen, check, checkpoints);
            return check.FindingCount == 0 ? ExitCode.Ok : ExitCode.Refused;
        }

        private static FileStream OpenFile(Invocation invocation, string path)
        {
            var full = invocation.Surroundings.FullPath(path);
            return File.Exists(full)
                ? new FileStream(full, FileMode.Open, FileAccess.Read, FileShare.ReadWrite)
                : throw new CommandFailure($"There is no file {path}.", hint: "Write one with: stoa audit export -o audit.jsonl");
        }

        /// <summary>The log of the node, in a file that is gone when it is closed; and what the node signs of its end, which has to be in it.</summary>
        private static async Task<FileStream> DownloadAsync(Invocation invocation, List<AuditCheckpoint> checkpoints, CancellationToken cancellationToken)
        {
            var client = invocation.Client;
            if ((await client.GetMeAsync(cancellationToken)).Role != "admin")
                throw new CommandFailure("The whole log is for administrators of the node.", ExitCode.Refused, hint: "Have one export it, and check the file: stoa audit verify FILE");
            var node = PeerId.Parse((await client.GetNodeAsync(cancellationToken)).PeerId);
            if (!AuditCheckpoint.Open(await client.GetAuditCheckpointAsync(cancellationToken), node).TryGet(out var end, out var fault))
                throw new CommandFailure(fault.Detail, ExitCode.Refused);
            checkpoints.Add(end);
            var file = new FileStream(Path.GetTempFileName(), FileMode.Open, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose);
            try
            {
                await client.ExportAuditAsync(file, cancellationToken);
                file.Position = 0;
                return file;
            }
            catch
            {
                await file.DisposeAsync();
                throw;
            }
        }

        private static void Tell(Screen screen, AuditCheck check, List<AuditCheckpoint> checkpoints)
        {
            if (screen.IsJson)
            {
                screen.JsonObject(
                    ("holds", check.FindingCount == 0),
                    ("entries", check.EntryCount),
                    ("firstEntry", check.Start.Entry + 1),
                    ("lastEntry", check.Head.Entry),
                    ("head", check.Head.Block == 0 ? null : check.Head.Hash.ToString()),
                    ("checkpoints", checkpoints.Select(checkpoint => Format.Invariant($"{checkpoint.Head.Entry} by {checkpoint.NodeKey.PeerId}"))),
                    ("findings", check.Findings.Select(finding => $"{finding.Fault}: {finding.Detail}")));
                return;
            }

            foreach (var finding in check.Findings)
                screen.Markup($"[red]✗[/] {Format.Escaped(finding.Detail)}");
            if (check.FindingCount > check.Findings.Count)
                screen.Markup($"[red]✗[/] and {check.FindingCount - check.Findings.Count:N0} more.");
            if (check.FindingCount > 0)
                return;
            screen.Markup($"[green]✓[/] {Format.Count(check.EntryCount, "entry", "entries")}: every hash follows the one before it.");
            if (check.Start.Entry > 0)
                screen.Markup($"[grey]The log begins with entry {check.Start.Entry + 1:N0}: those before it were taken away, and the hash before it stands for them.[/]");
            foreach (var checkpoint in checkpoints)
                screen.Markup($"[green]✓[/] Up to entry {checkpoint.Head.Entry:N0} it is what node {checkpoint.NodeKey.PeerId} signed on {Format.Time(checkpoint.TakenAt)}.");
            if (checkpoints.Count == 0)
                screen.Markup("[grey]Whether something is missing at the end, or all of it was written anew, only a checkpoint tells: --checkpoint FILE.[/]");
        }
    }
}
