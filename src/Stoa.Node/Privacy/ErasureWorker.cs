using System.Globalization;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Node.Audit;
using Stoa.Node.Background;
using Stoa.Node.Identity;
using Stoa.Node.Network;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Privacy;

/// <summary>Erases persons whose time of reflection is over, step by step, and what deleted organisations had stored, for as long as the node runs.</summary>
/// <remarks>
/// How far an erasure is, is written in the act that does a step, under a lock on its row: of the nodes of a cell one does it, and whoever comes after a node that died goes on where
/// that was. What is done outside of the database can be done twice. When all is done it is done once more some minutes later, for what was under way in that moment.
/// </remarks>
internal sealed class ErasureWorker(
    Database database, ErasureSteps steps, ErasedContent content, OrganisationContent organisations, SqlErasureRequests requests, SystemAccounts accounts, AuditLog audit, Credentials credentials, IdSource ids,
    PublisherWork work, NetworkOptions network,
    TimeProvider time, ILogger<ErasureWorker> logger) : BackgroundService
{
    /// <summary>Name of the entry of the audit log that tells of an erasure.</summary>
    public const string Erased = "eraseUser";

    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_obstructed = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_failed = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_sweeping = TimeSpan.FromHours(1);

    private DateTimeOffset _sweepAt = DateTimeOffset.MinValue;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var isMore = false;
            try
            {
                isMore = await TurnAsync(stoppingToken) | await organisations.TurnAsync(stoppingToken);
                if (!isMore)
                    await SweepAsync(stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                logger.LogError(failure, "Erasures cannot be worked on; trying again.");
            }

            if (!isMore)
                await Task.Delay(s_pause, time, stoppingToken);
        }
    }

    /// <summary>Does a portion of the erasure that is due first.</summary>
    /// <returns>False when there is nothing to do: none is due, or another node is at it.</returns>
    internal async Task<bool> TurnAsync(CancellationToken cancellationToken)
    {
        var due = await database.ReadAsync(
            session => session.QueryFirstOrDefaultAsync<Erasure>(
                $"SELECT {SqlErasureRequests.Columns} FROM erasures WHERE due_at <= @now ORDER BY due_at LIMIT 1", new { now = time.GetUtcNow() }),
            cancellationToken);
        if (due is null)
            return false;
        try
        {
            if (due.Step >= steps.All.Count)
                return await EndAsync(due, cancellationToken);
            else if (steps.All[due.Step].RunAsync is { } run)
                return await RunAsync(due, run, cancellationToken);
            else
                await RunOutsideAsync(due, cancellationToken);
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
        {
            // Others are not to wait for this one.
            logger.LogError(failure, "The step {Step} of the erasure of {User} has failed; it is tried again in a minute.", due.Step, due.UserId);
            await PutOffAsync(due, s_failed, cancellationToken);
        }

        return true;
    }

    private Task<bool> RunAsync(Erasure due, Func<ErasureAct, Task<string?>> run, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            // Another node that is at it is left to it.
            if (await session.QueryFirstOrDefaultAsync<Erasure>(
                $"SELECT {SqlErasureRequests.Columns} FROM erasures WHERE user_id = @UserId {{for update skip locked}}", new { due.UserId }) is not { } erasure
                || erasure.Step != due.Step || erasure.Place != due.Place || erasure.DueAt is null)
            {
                return false;
            }

            if (erasure is { Step: 0, ErasedAt: null }
                && await SqlErasureRequests.FindObstaclesAsync(session, erasure.UserId, erasure.Forfeits, isAtRequest: false) is { Count: > 0 } obstacles)
            {
                logger.LogInformation("The erasure of {User} waits: {Obstacles}", erasure.UserId, string.Join(" ", obstacles.Select(obstacle => obstacle.Reason)));
                await session.ExecuteAsync(
                    "UPDATE erasures SET due_at = @later WHERE user_id = @UserId", new { later = time.GetUtcNow() + s_obstructed, erasure.UserId });
                return true;
            }

            var (handle, email) = await session.QuerySingleAsync<(string, string)>("SELECT handle, email FROM users WHERE id = @UserId", new { erasure.UserId });
            var place = await run(new ErasureAct(session, erasure, handle, email, time.GetUtcNow()));
            await session.ExecuteAsync(
                "UPDATE erasures SET step = @step, place = @place WHERE user_id = @UserId",
                new { step = place is null ? erasure.Step + 1 : erasure.Step, place = place ?? "", erasure.UserId });
            session.OnCommitted(credentials.Forget);
            return true;
        },
        cancellationToken);

    private async Task RunOutsideAsync(Erasure due, CancellationToken cancellationToken)
    {
        var isMore = false;
        switch (steps.All[due.Step].Name)
        {
            case ErasureSteps.Work:
                // Where nobody vouches for the publisher, what takes everything back would be refused without.
                if (network.IsOn)
                    await work.RunAllAsync(due.UserId, cancellationToken);
                break;
            case ErasureSteps.Content:
                isMore = await content.DeleteAsync(due.UserId, cancellationToken);
                break;
            case ErasureSteps.UnusedVersions:
                // At the second time: a node that had not heard of the withdrawal may have given the agent a task until a moment ago.
                if (due.ErasedAt is not null)
                    await content.DeleteUnusedVersionsAsync(due.UserId, cancellationToken);
                break;
            case ErasureSteps.Scrub:
                await database.ScrubAsync(steps.Tables, cancellationToken);
                break;
            case var other:
                throw new InvalidOperationException($"Nobody does the step {other}.");
        }

        if (!isMore)
        {
            await database.WriteAsync(
                session => session.ExecuteAsync("UPDATE erasures SET step = step + 1, place = '' WHERE user_id = @UserId AND step = @Step", new { due.UserId, due.Step }),
                cancellationToken);
        }
    }

    /// <summary>Notes that all is done: for the first time, so that it is done once more a little later, or for good.</summary>
    /// <returns>False when another node is at it.</returns>
    private async Task<bool> EndAsync(Erasure due, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (due.ErasedAt is null)
        {
            // The audit log is written in an act of its own: one node does it, and another one only when that has died over it.
            if (!await ClaimEndAsync(due, now, cancellationToken))
                return false;
            await audit.WriteAsync(new Market.Audit.AuditAct(now, Erased, StatusCodes.Status200OK) { Subject = due.UserId.ToString() });
        }

        // Step 0 is for what has not begun.
        await database.WriteAsync(
            session => due.ErasedAt is null
                ? session.ExecuteAsync(
                    "UPDATE erasures SET step = 1, place = '', erased_at = @now, due_at = @again WHERE user_id = @UserId AND step = @Step AND erased_at IS NULL",
                    new { now, again = now + ErasureRules.Settling, due.UserId, due.Step })
                : session.ExecuteAsync("UPDATE erasures SET due_at = NULL WHERE user_id = @UserId AND step = @Step", new { due.UserId, due.Step }),
            cancellationToken);
        if (due.ErasedAt is null)
            logger.LogInformation("{User} is erased.", due.UserId);
        return true;
    }

    private async Task<bool> ClaimEndAsync(Erasure due, DateTimeOffset now, CancellationToken cancellationToken) => await database.WriteAsync(
        session => session.ExecuteAsync(
            "UPDATE erasures SET place = @claim WHERE user_id = @UserId AND step = @Step AND erased_at IS NULL AND place < @stale",
            new { claim = Instant(now), stale = Instant(now - s_failed), due.UserId, due.Step }),
        cancellationToken) == 1;

    // Written so that what is earlier comes first.
    private static string Instant(DateTimeOffset at) => at.ToUnixTimeMilliseconds().ToString("D15", CultureInfo.InvariantCulture);

    private Task<int> PutOffAsync(Erasure due, TimeSpan by, CancellationToken cancellationToken) => database.WriteAsync(
        session => session.ExecuteAsync(
            "UPDATE erasures SET due_at = @later WHERE user_id = @UserId AND step = @Step AND due_at IS NOT NULL", new { later = time.GetUtcNow() + by, due.UserId, due.Step }),
        cancellationToken);

    /// <summary>Once an hour: gives up what has come into wallets of persons who are gone, and deletes files that other nodes of the cell have deleted.</summary>
    internal async Task SweepAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (now < _sweepAt && _sweepAt - now <= s_sweeping)
            return;
        var isFirst = _sweepAt == DateTimeOffset.MinValue;
        _sweepAt = now + s_sweeping;
        await organisations.FindLateAsync(cancellationToken);
        var (erased, deleted) = (await requests.NewestErasedAsync(cancellationToken), await organisations.NewestDeletedAsync(cancellationToken));
        if ((erased > deleted || deleted is null ? erased : deleted) is not { } newest)
            return;
        await EachByItself.DoAsync(
            await requests.ListEarningAsync(cancellationToken),
            user => database.WriteAsync(session => ErasureSteps.ForfeitAsync(session, user, accounts, ids, now), cancellationToken),
            (user, failure) => logger.LogError(failure, "What {User} had when he was erased cannot be given up; it is tried again in an hour.", user),
            cancellationToken);
        if (isFirst || now - newest < TimeSpan.FromDays(1))
            await content.SweepAsync(now, cancellationToken);
    }
}
