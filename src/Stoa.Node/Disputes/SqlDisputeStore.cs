using Stoa.Market;
using Stoa.Market.Disputes;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Membership;
using Stoa.Market.Plans;
using Stoa.Market.Tasks;
using Stoa.Node.Events;
using Stoa.Node.Ledger;
using Stoa.Node.Membership;
using Stoa.Node.Plans;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Disputes;

/// <summary>A dispute that this node looks at.</summary>
/// <param name="Dispute">As it is.</param>
/// <param name="Token">Of the lease under which what comes of it is written.</param>
public sealed record ClaimedDispute(Dispute Dispute, string Token);

/// <summary>Disputes in the cell's database, with the money that they move.</summary>
/// <param name="database">The cell's.</param>
/// <param name="accounts">Of the node and the platform, which are liable.</param>
/// <param name="ids">Makes ids of transfers and leases.</param>
public sealed class SqlDisputeStore(Database database, SystemAccounts accounts, IdSource ids)
{
    private const string Columns = "id, task_id, owner_id, reason, price, deposit_id, attempts, due_at, verdict, detail, decided_at, opened_at";
    private static readonly string[] s_noTokens = [];

    /// <summary>Opens a dispute and holds its deposit; of a task that was disputed before it answers that dispute.</summary>
    public Task<Outcome<Dispute, DisputeRefusal>> OpenAsync(Dispute dispute, CancellationToken cancellationToken) => database.WriteAsync<Outcome<Dispute, DisputeRefusal>>(
        async session =>
        {
            var wallet = await WalletAsync(session, dispute.OwnerId);
            // Two requests about one task wait for each other here.
            await session.QueryFirstOrDefaultAsync<string>("SELECT id FROM tasks WHERE id = @TaskId {for update}", new { dispute.TaskId });
            if (await session.QueryFirstOrDefaultAsync<DisputeRow>($"SELECT {Columns} FROM disputes WHERE task_id = @TaskId", new { dispute.TaskId }) is { } before)
                return before.ToDispute();
            if ((await SqlLedger.ApplyAsync(session, [DisputeRules.Hold(dispute, wallet, accounts.Node)])).Refusal is { } refused)
            {
                return refused.Code is TransferRefusal.InsufficientFunds
                    ? new Refusal<DisputeRefusal>(
                        DisputeRefusal.InsufficientFunds,
                        $"A dispute needs a deposit of {dispute.Price} USD, as much as the task cost; you have it back unless the receipt is confirmed. {refused.Detail}")
                    : throw new InvalidOperationException($"The deposit of {dispute.Id} was refused: {refused.Detail}");
            }

            await session.ExecuteAsync(
                """
                INSERT INTO disputes (id, task_id, owner_id, reason, price, deposit_id, attempts, due_at, opened_at)
                VALUES (@Id, @TaskId, @OwnerId, @Reason, @Price, @DepositId, 0, @OpenedAt, @OpenedAt)
                """,
                new { dispute.Id, dispute.TaskId, dispute.OwnerId, dispute.Reason, dispute.Price, dispute.DepositId, dispute.OpenedAt });
            await SqlEvents.AppendAsync(session, [DisputeEvents.Opened(dispute)]);
            return dispute;
        },
        cancellationToken);

    /// <summary>The dispute about a task; null when there is none, or it is somebody else's.</summary>
    public Task<Dispute?> FindAsync(Id<AgentTask> task, Id<User> owner, CancellationToken cancellationToken) => database.ReadAsync(
        async session => (await session.QueryFirstOrDefaultAsync<DisputeRow>(
            $"SELECT {Columns} FROM disputes WHERE task_id = @task AND owner_id = @owner", new { task, owner }))?.ToDispute(),
        cancellationToken);

    /// <summary>A user's disputes, newest first.</summary>
    public Task<Page<Dispute>> ListAsync(Id<User> owner, PageRequest page, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var before = Id<Dispute>.TryParse(page.Cursor, out var last) ? last : new Id<Dispute>(Guid.AllBitsSet);
            var rows = await session.QueryAsync<DisputeRow>(
                $"SELECT {Columns} FROM disputes WHERE owner_id = @owner AND id < @before ORDER BY id DESC LIMIT @limit",
                new { owner, before, limit = page.Limit + 1 });
            return new Page<Dispute>([.. rows.Take(page.Limit).Select(row => row.ToDispute())], rows.Count > page.Limit ? rows[page.Limit - 1].Id.ToString() : null);
        },
        cancellationToken);

    /// <summary>Takes the dispute that has been due for longest; null when none is.</summary>
    /// <param name="self">The node that takes it; it looks at none just now.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<ClaimedDispute?> ClaimAsync(LeaseHolder self, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var free = new { now, self = self.ToString(), working = s_noTokens };
        var sql = $"SELECT {Columns} FROM disputes WHERE due_at <= @now AND {HolderLease.IsFree} ORDER BY due_at LIMIT 1";
        // A look costs less than a transaction.
        if (await database.ReadAsync(session => session.QueryFirstOrDefaultAsync<DisputeRow>(sql, free), cancellationToken) is null)
            return null;
        return await database.WriteAsync(
            async session =>
            {
                if (await session.QueryFirstOrDefaultAsync<DisputeRow>(sql + " {for update skip locked}", free) is not { } row)
                    return null;
                var token = HolderLease.NewToken(self, ids);
                await session.ExecuteAsync("UPDATE disputes SET lease_token = @token WHERE id = @Id", new { token, row.Id });
                return new ClaimedDispute(row.ToDispute(), token);
            },
            cancellationToken);
    }

    /// <summary>Writes a verdict with the money that it moves. Of a dispute that another node has taken over meanwhile nothing is written.</summary>
    /// <returns>False when those who are liable have too little now: it is looked at again later.</returns>
    public Task<bool> DecideAsync(ClaimedDispute claimed, DisputeState.Decided decided, DateTimeOffset again, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            var (dispute, token) = claimed;
            if (!await HoldsAsync(session, claimed))
                return true;
            var wallet = await SqlCredit.LockAsync(session, dispute.OwnerId);
            var credit = decided.Verdict is DisputeVerdict.Upheld
                ? await SqlCreditHolds.PaidByCreditAsync(session, dispute.TaskId, dispute.OwnerId, dispute.Price)
                : Money.Zero;
            List<(Id<Account>, Money)> liable = [];
            foreach (var account in (Id<Account>[])[accounts.Node, accounts.Platform])
            {
                liable.Add((account, await session.QuerySingleAsync<Money>("SELECT posted - pending_debits FROM accounts WHERE id = @account", new { account })));
            }

            var transfers = DisputeRules.Settle(dispute, decided.Verdict, wallet, credit, liable, accounts.Node, ids, decided.At);
            var events = new List<NewEvent> { DisputeEvents.Decided(dispute, decided) };
            if (transfers is not null && credit > Money.Zero)
                events.AddRange((await SqlCredit.OpenAsync(session, dispute.OwnerId, accounts.Sponsor, decided.At)).Events);
            if (transfers is null || !(await SqlLedger.ApplyAsync(session, transfers)).TryGet(out _, out _))
            {
                // Others spend from these accounts, too: what was there a moment ago may be gone.
                await session.ExecuteAsync("UPDATE disputes SET due_at = @again, lease_token = NULL WHERE id = @Id", new { again, dispute.Id });
                await SqlEvents.AppendAsync(session, events.Skip(1));
                return false;
            }

            await session.ExecuteAsync(
                "UPDATE disputes SET verdict = @verdict, detail = @Detail, decided_at = @At, due_at = NULL, lease_token = NULL WHERE id = @Id",
                new { verdict = DisputeEvents.Name(decided.Verdict), decided.Detail, decided.At, dispute.Id });
            if (credit > Money.Zero)
            {
                // It has no end: the one that it had may be over.
                var back = new CreditGrant(
                    new Id<CreditGrant>(dispute.Id.Uuid), dispute.OwnerId, CreditSource.Refund, dispute.Id.ToString(), credit, credit, ExpiresAt: null, decided.At);
                events.Add(await SqlCredit.AddAsync(session, back, decided.At));
            }

            await SqlEvents.AppendAsync(session, events);
            return true;
        },
        cancellationToken);

    /// <summary>Writes that a run led to nothing, and when the next one is due.</summary>
    public Task PostponeAsync(ClaimedDispute claimed, DateTimeOffset dueAt, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync(
            "UPDATE disputes SET attempts = attempts + 1, due_at = @dueAt, lease_token = NULL WHERE id = @Id AND lease_token = @Token",
            new { dueAt, claimed.Dispute.Id, claimed.Token }),
        cancellationToken);

    /// <summary>Has one that could not be looked at wait; that counts as no run.</summary>
    public Task PutOffAsync(ClaimedDispute claimed, DateTimeOffset dueAt, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync(
            "UPDATE disputes SET due_at = @dueAt, lease_token = NULL WHERE id = @Id AND lease_token = @Token", new { dueAt, claimed.Dispute.Id, claimed.Token }),
        cancellationToken);

    private static async Task<bool> HoldsAsync(SqlSession session, ClaimedDispute claimed) => await session.QueryFirstOrDefaultAsync<string>(
        "SELECT id FROM disputes WHERE id = @Id AND lease_token = @Token {for update}", new { claimed.Dispute.Id, claimed.Token }) is not null;

    private static async Task<Id<Account>> WalletAsync(SqlSession session, Id<User> owner) =>
        (await SqlLedger.FindAccountAsync(session, owner.ToString(), AccountKind.Wallet))?.Id
        ?? throw new InvalidOperationException($"The user {owner} has no wallet.");

    private sealed record DisputeRow(
        Id<Dispute> Id,
        Id<AgentTask> TaskId,
        Id<User> OwnerId,
        string Reason,
        Money Price,
        Id<Transfer> DepositId,
        long Attempts,
        DateTimeOffset? DueAt,
        string? Verdict,
        string? Detail,
        DateTimeOffset? DecidedAt,
        DateTimeOffset OpenedAt)
    {
        public Dispute ToDispute() => new(
            Id,
            TaskId,
            OwnerId,
            Reason,
            Price,
            DepositId,
            Verdict is null
                ? new DisputeState.Open((int)Attempts, DueAt!.Value)
                : new DisputeState.Decided(Enum.Parse<DisputeVerdict>(Verdict, ignoreCase: true), Detail!, DecidedAt!.Value),
            OpenedAt);
    }
}
