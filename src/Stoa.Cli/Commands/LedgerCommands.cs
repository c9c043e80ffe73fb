using System.CommandLine;
using Stoa.Cli.Receipts;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;
using Stoa.Market.Ledger;
using Stoa.Primitives;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa ledger</c>: the books of the node, for whoever has to believe them.</summary>
internal static class LedgerCommands
{
    public static Command Create(CommandScope scope) => new CommandGroup(
        "ledger",
        "Audit the books of the node.",
        [
            new("Read the journal and add it up again on this machine", "stoa ledger verify"),
            new("Keep proof of today's state, and hold the journal against it later", "stoa ledger checkpoint -o today.json && stoa ledger verify --checkpoint today.json"),
        ],
        new VerifyCommand(scope),
        new BalanceCommand(scope),
        new CheckpointCommand(scope));

    private static async Task<JournalCheckpoint> ReadCheckpointAsync(Invocation invocation, string path, CancellationToken cancellationToken) =>
        JournalCheckpoint.Open(await SmallFile.ReadEnvelopeAsync(invocation, path, "checkpoint", cancellationToken), null).TryGet(out var checkpoint, out var fault)
            ? checkpoint
            : throw new CommandFailure(fault.Detail, ExitCode.Refused);

    /// <summary><c>stoa ledger verify</c>.</summary>
    private sealed class VerifyCommand : StoaCommand
    {
        private readonly Option<string?> _checkpoint = new("--checkpoint") { Description = "A file that `stoa ledger checkpoint` wrote: the journal has to agree with it.", HelpName = "FILE" };

        public VerifyCommand(CommandScope scope)
            : base(
                scope,
                "verify",
                "Read the whole journal, check its chain of hashes, add up every account and compare. Administrators only. The exit code is 0 when all of it holds.",
                new("Are the books right?", "stoa ledger verify"),
                new("And was nothing changed since then?", "stoa ledger verify --checkpoint today.json")) =>
            Add(_checkpoint);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var kept = invocation.Get(_checkpoint) is { } path ? await ReadCheckpointAsync(invocation, path, cancellationToken) : null;
            var check = await TaskProgress.RunAsync(
                invocation.Screen,
                "reading the journal",
                tell => LedgerCheck.ReadAsync(invocation.Client, kept, block => tell.Show($"reading the journal, block {block:N0}", 0), cancellationToken));
            Tell(invocation.Screen, check, kept);
            return check.Audit.FindingCount == 0 ? ExitCode.Ok : ExitCode.Refused;
        }

        private static void Tell(Screen screen, LedgerCheck check, JournalCheckpoint? kept)
        {
            var audit = check.Audit;
            if (screen.IsJson)
            {
                screen.JsonObject(
                    ("holds", audit.FindingCount == 0),
                    ("blocks", audit.Head.Number),
                    ("entries", audit.EntryCount),
                    ("accounts", (long)check.Accounts.Count),
                    ("head", audit.Head.Number == 0 ? null : audit.Head.Hash.ToString()),
                    ("node", check.Checkpoint.NodeKey.PeerId.ToString()),
                    ("checkpointBlock", kept?.Head.Number),
                    ("findings", audit.Findings.Select(finding => $"{finding.Fault}: {finding.Detail}")));
                return;
            }

            foreach (var finding in audit.Findings)
                screen.Markup($"[red]✗[/] {Format.Escaped(finding.Detail)}");
            if (audit.FindingCount > audit.Findings.Count)
                screen.Markup($"[red]✗[/] and {audit.FindingCount - audit.Findings.Count:N0} more.");
            if (audit.FindingCount == 0)
            {
                screen.Markup($"[green]✓[/] {Format.Count(audit.EntryCount, "transfer")}, {Format.Count(audit.Head.Number, "block")} of them: every hash follows the one before it.");
                screen.Markup($"[green]✓[/] {check.Accounts.Count:N0} accounts, each with the balance that its entries come to; all of them come to zero.");
                screen.Markup($"[green]✓[/] The end is signed by node {check.Checkpoint.NodeKey.PeerId}.");
                if (kept is not null)
                    screen.Markup($"[green]✓[/] Nothing up to block {kept.Head.Number:N0} was changed since {Format.Time(kept.TakenAt)}.");
            }
        }
    }

    /// <summary><c>stoa ledger balance</c>.</summary>
    private sealed class BalanceCommand : StoaCommand
    {
        public BalanceCommand(CommandScope scope)
            : base(scope, "balance", "Show the trial balance: what each kind of account comes to. Administrators only.", new CommandExample("What is owed to whom", "stoa ledger balance"))
        {
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var accounts = new List<AccountResponse>();
            await foreach (var account in invocation.Client.ListAccountsAsync(cancellationToken))
                accounts.Add(account);
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<AccountResponse>(accounts), json => json.ListResponseAccountResponse);
                return ExitCode.Ok;
            }

            // Both are outside, and it is worth knowing what of it was given away.
            var rows = accounts.GroupBy(account => account.Owner == "sponsor" ? account.Owner : account.Kind).OrderBy(kind => kind.Key, StringComparer.Ordinal)
                .Select(kind => Row(kind.Key, [.. kind])).ToList();
            rows.Add(Row("all", accounts));
            invocation.Screen.Table(["Kind", "Accounts", "Posted", "Pending debits", "Pending credits"], rows);
            return ExitCode.Ok;
        }

        private static IReadOnlyList<string> Row(string kind, List<AccountResponse> accounts) =>
        [
            kind,
            Format.Invariant($"{accounts.Count:N0}"),
            Sum(accounts, account => account.Posted),
            Sum(accounts, account => account.PendingDebits),
            Sum(accounts, account => account.PendingCredits),
        ];

        private static string Sum(List<AccountResponse> accounts, Func<AccountResponse, string> amount) =>
            Format.Money(accounts.Aggregate(Money.Zero, (sum, account) => sum + Money.Parse(amount(account))).ToString());
    }

    /// <summary><c>stoa ledger checkpoint</c>.</summary>
    private sealed class CheckpointCommand : StoaCommand
    {
        private readonly Option<string?> _output = new("--output", "-o") { Description = "Where to write it. Default: standard output.", HelpName = "FILE" };

        public CheckpointCommand(CommandScope scope)
            : base(
                scope,
                "checkpoint",
                "Have the node sign where its journal ends. Whoever keeps that can tell later whether anything before it was changed.",
                new CommandExample("Keep today's", "stoa ledger checkpoint -o today.json")) =>
            Add(_output);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var path = invocation.Get(_output);
            ResultOutput.RefuseUnwritable(invocation, path);
            var envelope = await invocation.Client.GetCheckpointAsync(cancellationToken);
            if (!JournalCheckpoint.Open(envelope, null).TryGet(out var checkpoint, out var fault))
                throw new CommandFailure(fault.Detail, ExitCode.Refused);
            await ResultOutput.WriteAsync(invocation, envelope, path, $"Block {checkpoint.Head.Number:N0}, signed by node {checkpoint.NodeKey.PeerId}", cancellationToken);
            return ExitCode.Ok;
        }
    }
}
