using System.Globalization;
using System.Text.Json;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Identity.SignIn;
using Stoa.Market.Ledger;
using Stoa.Market.Messages;
using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Market.Tasks;
using Stoa.Node.Audit;
using Stoa.Node.Events;
using Stoa.Node.Identity;
using Stoa.Node.Ledger;
using Stoa.Node.Metering;
using Stoa.Node.Plans;
using Stoa.Node.Registry;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Privacy;

/// <summary>One act of an erasure.</summary>
/// <param name="Session">The transaction; how far the erasure is, is written in it, too.</param>
/// <param name="Erasure">How far it is.</param>
/// <param name="Handle">The handle of the person; at the second time the pseudonym.</param>
/// <param name="Email">The address; at the second time the id.</param>
/// <param name="Now">UTC.</param>
internal sealed record ErasureAct(SqlSession Session, Erasure Erasure, string Handle, string Email, DateTimeOffset Now)
{
    public Id<User> User => Erasure.UserId;

    public string Pseudonym { get; } = ErasureRules.HandleOf(Erasure.UserId);

    /// <summary>What statements of <see cref="OnErasure"/> may name.</summary>
    public object Parameters(int limit) => new { user = User, handle = Handle, email = Email, pseudonym = Pseudonym, limit };
}

/// <summary>A step of an erasure: done in acts that each take little, since everybody else's acts wait meanwhile.</summary>
/// <param name="Name">Of the table, or one of <see cref="ErasureSteps"/>.</param>
/// <param name="RunAsync">Does a portion. Answers null when the step is done, else where to go on. Null for what is not done in the database alone.</param>
internal sealed record ErasureStep(string Name, Func<ErasureAct, Task<string?>>? RunAsync);

/// <summary>What an erasure does, in its order: first what leads to other things by the handle, last the handle itself. Each step may be done again and again.</summary>
internal sealed class ErasureSteps(CellKey cell, SystemAccounts accounts, AgentIndex index, PublisherStatements statements, IdSource ids)
{
    public const string Begin = "begin";
    public const string Deliveries = "deliveries of others";
    public const string SentMessages = "messages to others";
    public const string Events = "events";
    public const string PaidCalls = "paid calls";
    public const string Channels = "channels";
    public const string Tasks = "tasks";
    public const string Answers = "answers to reviews";
    public const string Agents = "agents";
    public const string Work = "work of statements";
    public const string PublisherKey = "publisher's key";
    public const string Content = "content";
    public const string UnusedVersions = "unused versions";
    public const string Wallet = "wallet";
    public const string Audit = "audit log";
    public const string User = "user";
    public const string Scrub = "scrub";

    private const int RowsAtOnce = 500;
    private const int TasksAtOnce = 50;
    private const int AgentsAtOnce = 50;
    private const int WalkedAtOnce = 10_000;

    // What is told of a person's reviews, of the answers that the person gave, and of the person's auctions: to others, too.
    private const string ToldOfThem = """
        subject IN (SELECT id FROM reviews WHERE reviewer_id = @user) OR subject IN (SELECT id FROM auctions WHERE owner_id = @user)
        OR (type = @answered AND subject IN (SELECT id FROM reviews WHERE publisher_id = @user))
        """;

    private const string OfTheirChannels = "subject IN (SELECT id FROM channels WHERE payer_id = @user OR payee_id = @user)";

    private static readonly string s_nothing = ContentHash.Of([]).ToString();

    /// <summary>All steps.</summary>
    public IReadOnlyList<ErasureStep> All { get; } = Order(cell, accounts, index, statements, ids);

    /// <summary>The tables that rows are deleted from or overwritten in.</summary>
    public IReadOnlyList<string> Tables { get; } =
    [
        .. PersonalData.Tables.SelectMany(table => table.Parts.Prepend(table)).Where(table => table.OnErasure is not OnErasure.Kept).Select(table => table.Name),
        .. PersonalData.Others.Where(table => table.Value.OnErasure is not OnErasure.Kept).Select(table => table.Key),
    ];

    /// <summary>Erases what tasks hold of a person: content, parameters, receipts. What was measured and paid stays.</summary>
    internal static async Task EraseTasksAsync(SqlSession session, IReadOnlyCollection<string> tasks)
    {
        foreach (var part in new[] { "task_content", "task_log_starts", "task_choices", "task_regions", "task_seals", "task_supplies", "task_worlds", "task_runs", "spot_checks" })
            await session.ExecuteAsync($"DELETE FROM {part} WHERE task_id IN @tasks", new { tasks });
        foreach (var (task, envelope) in await session.QueryAsync<(string Task, byte[] Envelope)>(
            "SELECT task_id, envelope FROM receipts WHERE task_id IN @tasks AND node IS NULL", new { tasks }))
        {
            // It names the parameters, and is signed: it can only go as a whole. Usage is told apart by who had signed it.
            await session.ExecuteAsync(
                "UPDATE receipts SET envelope = @none, node = @node WHERE task_id = @task", new { none = Array.Empty<byte>(), node = SqlUsage.SignerOf(envelope), task });
        }

        foreach (var (task, state, outcome) in await session.QueryAsync<(string Task, string State, string Outcome)>(
            "SELECT task_id, state, outcome FROM task_ends WHERE task_id IN @tasks AND outcome IS NOT NULL", new { tasks }))
        {
            await session.ExecuteAsync("UPDATE task_ends SET outcome = @bare WHERE task_id = @task", new { bare = Bare(state, outcome), task });
        }

        await session.ExecuteAsync(
            """
            UPDATE tasks SET parameters = @noParameters, input_digest = @nothing, input_inline = FALSE, requirement = NULL, tried = NULL, auction = NULL,
                trace_parent = NULL, batch_id = NULL, schedule_id = NULL
            WHERE id IN @tasks
            """,
            new { noParameters = TaskRow.NoParameters, nothing = s_nothing, tasks });
    }

    /// <summary>Gives up to the platform what is in the wallet of an account that goes or has gone, and takes back its credit.</summary>
    /// <returns>Whether there was anything in the wallet.</returns>
    internal static async Task<bool> ForfeitAsync(SqlSession session, Id<User> user, SystemAccounts accounts, IdSource ids, DateTimeOffset now)
    {
        if (await SqlLedger.FindAccountAsync(session, user.ToString(), AccountKind.Wallet) is not { } wallet)
            return false;
        await SqlCredit.TakeBackAsync(session, user, accounts.Sponsor, ids.Next<Transfer>(), now);
        if (wallet.Available <= Money.Zero)
            return false;
        var given = new Transfer(
            ids.Next<Transfer>(), TransferKind.Posted, wallet.Id, accounts.Platform, wallet.Available, null, TransferPurpose.Forfeit, user.ToString(), now);
        // Something may be taken out at the same moment: then it is tried again.
        return (await SqlLedger.ApplyAsync(session, [given])).Refusal is null;
    }

    private static List<ErasureStep> Order(CellKey cell, SystemAccounts accounts, AgentIndex index, PublisherStatements statements, IdSource ids)
    {
        var steps = new List<ErasureStep>
        {
            new(Begin, BeginAsync),
            new(Deliveries, EraseDeliveriesAsync),
            // A message belongs to whoever receives it. Where the person wanted an answer is the person's.
            new(SentMessages, act => DoneWhenAsync(act.Session.ExecuteAsync(
                """
                UPDATE mailbox_messages SET reply_to = NULL WHERE (mailbox_id, sequence) IN
                    (SELECT mailbox_id, sequence FROM mailbox_messages WHERE sender_id = @user AND reply_to IS NOT NULL LIMIT @limit)
                """,
                act.Parameters(RowsAtOnce)))),
            new(Events, EraseEventsAsync),
        };
        // Rows that hang on others are in the later lists, or further down in the same: what hangs comes first.
        steps.AddRange(PersonalData.Others.Select(table => ByStatement(table.Key, table.Value.OnErasure, null)).OfType<ErasureStep>());
        steps.Add(new(PaidCalls, ErasePaidCallsAsync));
        steps.Add(new(Channels, EraseChannelsAsync));
        steps.Add(new(Tasks, EraseTasksAsync));
        steps.AddRange(PersonalData.Tables.Reverse().Select(table => ByStatement(table.Name, table.OnErasure!, table)).OfType<ErasureStep>());
        steps.Add(new(Answers, act => DoneWhenAsync(act.Session.ExecuteAsync(
            "UPDATE reviews SET answer = NULL, answered_at = NULL WHERE id IN (SELECT id FROM reviews WHERE publisher_id = @user AND answer IS NOT NULL LIMIT @limit)",
            act.Parameters(RowsAtOnce)))));
        steps.Add(new(Agents, act => WithdrawAgentsAsync(act, index, statements)));
        steps.Add(new(Work, null));
        steps.Add(new(PublisherKey, async act =>
        {
            await statements.ForgetKeyAsync(act.Session, act.User);
            return null;
        }));
        steps.Add(new(Content, null));
        steps.Add(new(UnusedVersions, null));
        steps.Add(new(Wallet, async act =>
        {
            await ForfeitAsync(act.Session, act.User, accounts, ids, act.Now);
            return null;
        }));
        steps.Add(new(Audit, act => DoneWhenAsync(SqlAuditBlocks.EraseAsync(act.Session, act.User.ToString(), RowsAtOnce))));
        steps.Add(new(User, act => EraseUserAsync(act, cell)));
        steps.Add(new(Scrub, null));
        return steps;
    }

    private static ErasureStep? ByStatement(string name, OnErasure onErasure, PersonalTable? table)
    {
        var (act, where, key) = onErasure switch
        {
            OnErasure.Deleted deleted => ($"DELETE FROM {name}", deleted.Where ?? table!.Where, deleted.Key ?? table!.KeyColumns),
            OnErasure.Overwritten overwritten => ($"UPDATE {name} SET {overwritten.Set}", overwritten.While, overwritten.Key ?? table!.KeyColumns),
            _ => (null, "", ""),
        };
        var sql = $"{act} WHERE ({where}) AND ({key}) IN (SELECT {key} FROM {name} WHERE {where} LIMIT @limit)";
        return act is null ? null : new ErasureStep(name, portion => DoneWhenAsync(portion.Session.ExecuteAsync(sql, portion.Parameters(RowsAtOnce))));
    }

    private static async Task<string?> DoneWhenAsync(Task<int> rows) => await rows < RowsAtOnce ? null : "";

    /// <summary>From here on it cannot be undone. Whatever was opened since it was asked for is ended.</summary>
    private static async Task<string?> BeginAsync(ErasureAct act)
    {
        await SqlSessionStore.EndAllAsync(act.Session, act.User, null, SessionEnd.Erasure, act.Now);
        await SqlErasureRequests.EndKeysAsync(act.Session, act.User, act.Now);
        // Nobody sends to it any more, so that what is deleted of it does not come again.
        await act.Session.ExecuteAsync("UPDATE mailboxes SET senders = @owner WHERE owner_id = @user", new { owner = SenderRule.Owner, user = act.User });
        await act.Session.ExecuteAsync("DELETE FROM topic_subscriptions WHERE mailbox_id IN (SELECT id FROM mailboxes WHERE owner_id = @user)", new { user = act.User });
        return null;
    }

    private static async Task<string?> EraseDeliveriesAsync(ErasureAct act)
    {
        var after = act.Erasure.Place;
        // The last one of as many as are walked over; null at the end.
        var until = await act.Session.QueryFirstOrDefaultAsync<string>(
            $"SELECT id FROM webhook_deliveries WHERE id > @after ORDER BY id LIMIT 1 OFFSET {WalkedAtOnce}", new { after });
        var range = until is null ? "id > @after" : "id > @after AND id <= @until";
        await act.Session.ExecuteAsync($"DELETE FROM webhook_deliveries WHERE {range} AND ({ToldOfThem})", Parameters(act, after, until));
        await act.Session.ExecuteAsync($"UPDATE webhook_deliveries SET body = {Renamed("body")} WHERE {range} AND {OfTheirChannels}", Parameters(act, after, until));
        return until;
    }

    private static async Task<string?> EraseEventsAsync(ErasureAct act)
    {
        var after = act.Erasure.Place.Length == 0 ? 0 : long.Parse(act.Erasure.Place, NumberStyles.None, CultureInfo.InvariantCulture);
        var (until, last) = (after + WalkedAtOnce, await SqlEvents.LastSequenceAsync(act.Session));
        const string range = "sequence > @after AND sequence <= @until";
        await act.Session.ExecuteAsync($"DELETE FROM events WHERE {range} AND (audience = @user OR {ToldOfThem})", Parameters(act, after, until));
        await act.Session.ExecuteAsync($"UPDATE events SET data = {Renamed("data")} WHERE {range} AND {OfTheirChannels}", Parameters(act, after, until));
        return until >= last ? null : until.ToString(CultureInfo.InvariantCulture);
    }

    // A handle has no character that JSON writes otherwise, so as a member's whole value it is found by its text.
    private static string Renamed(string column) => $"REPLACE(REPLACE({column}, @payer, @payerNow), @payee, @payeeNow)";

    private static object Parameters<T>(ErasureAct act, T after, T until) => new
    {
        user = act.User,
        after,
        until,
        answered = EventTypes.ReviewAnswered,
        payer = $"\"payer\":\"{act.Handle}\"",
        payerNow = $"\"payer\":\"{act.Pseudonym}\"",
        payee = $"\"payee\":\"{act.Handle}\"",
        payeeNow = $"\"payee\":\"{act.Pseudonym}\"",
    };

    /// <summary>What a payer brings with a call is kept as a task of the account that sells it.</summary>
    private static async Task<string?> ErasePaidCallsAsync(ErasureAct act)
    {
        var tasks = await act.Session.QueryAsync<string>(
            """
            SELECT task_id FROM paid_calls WHERE task_id > @after AND channel_id IN (SELECT id FROM channels WHERE payer_id = @user) ORDER BY task_id LIMIT @limit
            """,
            new { user = act.User, after = act.Erasure.Place, limit = TasksAtOnce });
        await EraseTasksAsync(act.Session, tasks);
        await act.Session.ExecuteAsync("UPDATE paid_calls SET request_key = task_id WHERE task_id IN @tasks", new { tasks });
        if (tasks.Count == TasksAtOnce)
            return tasks[^1];
        // Calls of which nothing came.
        await act.Session.ExecuteAsync(
            "UPDATE paid_calls SET request_key = request_hash WHERE task_id IS NULL AND channel_id IN (SELECT id FROM channels WHERE payer_id = @user)", new { user = act.User });
        return null;
    }

    private static async Task<string?> EraseChannelsAsync(ErasureAct act)
    {
        var rows = 0;
        foreach (var side in new[] { "payer", "payee" })
        {
            rows += await act.Session.ExecuteAsync(
                $"UPDATE channels SET {side} = @pseudonym WHERE id IN (SELECT id FROM channels WHERE {side}_id = @user AND {side} <> @pseudonym LIMIT @limit)",
                act.Parameters(RowsAtOnce));
        }

        return rows == 0 ? null : "";
    }

    private static async Task<string?> EraseTasksAsync(ErasureAct act)
    {
        var tasks = await act.Session.QueryAsync<string>(
            "SELECT id FROM tasks WHERE owner_id = @user AND id > @after ORDER BY id LIMIT @limit",
            new { user = act.User, after = act.Erasure.Place, limit = TasksAtOnce });
        await EraseTasksAsync(act.Session, tasks);
        return tasks.Count < TasksAtOnce ? null : tasks[^1];
    }

    /// <summary>Has no more tasks given to the person's agents. Versions stay, since receipts name them.</summary>
    private static async Task<string?> WithdrawAgentsAsync(ErasureAct act, AgentIndex index, PublisherStatements statements)
    {
        var offered = await act.Session.QueryAsync<(string Publisher, string Name, Id<AgentVersion> Any)>(
            "SELECT publisher, name, MIN(id) FROM agent_versions WHERE publisher_id = @user AND withdrawn_at IS NULL GROUP BY publisher, name ORDER BY publisher, name LIMIT @limit",
            act.Parameters(AgentsAtOnce));
        foreach (var (publisher, name, any) in offered)
        {
            await SqlAgentListings.LockAsync(act.Session, publisher, name, any);
            await SqlAgentListings.WithdrawAllAsync(act.Session, publisher, name, reason: null, act.Now);
            await SqlAgentListings.RefreshAsync(act.Session, index, publisher, name);
        }

        // By the id alone, where a withdrawal names the version: the handle is to be forgotten.
        if (offered.Count > 0)
        {
            await SqlEvents.AppendAsync(act.Session, [NewEvent.Create(
                EventTypes.AgentWithdrawn, act.User.ToString(), null, act.Now, json => json.WriteString("publisherId", act.User.ToString()))]);
            // What follows writes statements, and events are appended last in an act.
            return "";
        }

        var theirs = act.Parameters(RowsAtOnce);
        await act.Session.ExecuteAsync("UPDATE agent_versions SET withdrawal_reason = NULL WHERE publisher_id = @user AND withdrawal_reason IS NOT NULL", theirs);
        await act.Session.ExecuteAsync("DELETE FROM agent_bidding WHERE agent IN (SELECT publisher || '/' || name FROM agent_versions WHERE publisher_id = @user)", theirs);
        return await statements.SilenceAsync(act.Session, act.User) ? null : "";
    }

    private static async Task<string?> EraseUserAsync(ErasureAct act, CellKey cell)
    {
        if (act.Handle != act.Pseudonym)
            await RetiredHandles.AddAsync(act.Session, cell, act.Handle);
        await act.Session.ExecuteAsync(
            "UPDATE users SET handle = @pseudonym, email = @nowhere, password_hash = NULL WHERE id = @user",
            new { pseudonym = act.Pseudonym, nowhere = ErasureRules.EmailOf(act.User), user = act.User });
        return null;
    }

    /// <summary>What came of a task without anything that the agent or the person wrote.</summary>
    private static string Bare(string state, string outcome) => state switch
    {
        TaskStateNames.Succeeded => JsonSerializer.Serialize(
            JsonSerializer.Deserialize(outcome, TaskRowJson.Default.TaskResult)! with { Output = ContentHash.Of([]), IsInline = false }, TaskRowJson.Default.TaskResult),
        TaskStateNames.Failed => JsonSerializer.Serialize(
            JsonSerializer.Deserialize(outcome, TaskRowJson.Default.TaskFailure)! with { Detail = "", Log = "" }, TaskRowJson.Default.TaskFailure),
        // What a cancellation costs is all that is kept of one.
        _ => outcome,
    };
}
