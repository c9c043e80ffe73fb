using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Plans;
using Stoa.Node.Events;
using Stoa.Node.Quotas;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Plans;

/// <summary>A user's credit.</summary>
/// <param name="Balance">What is there, with what tasks hold.</param>
/// <param name="Held">What tasks hold.</param>
/// <param name="Grants">Of which it is, in the order in which they are spent.</param>
public sealed record UserCredit(Money Balance, Money Held, IReadOnlyList<CreditGrant> Grants);

/// <summary>Credit in the cell's database.</summary>
public sealed class SqlCreditStore(Database database, SystemAccounts accounts)
{
    private const int UsersAtOnce = 100;
    private const int LookedAtOnce = 500;

    private static readonly TimeSpan s_failed = TimeSpan.FromMinutes(1);

    // Nothing leads to those who have spent all: each pass looks at the next users, whoever they are, and so costs the same.
    private string _lastLookedAt = "";

    /// <summary>What a user has.</summary>
    public Task<UserCredit> FindAsync(Id<User> user, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var (balance, held) = await SqlCredit.BalanceAsync(session, user);
            var grants = await session.QueryAsync<CreditGrant>($"SELECT {SqlCredit.Columns} FROM credit_grants WHERE user_id = @user AND remaining > 0", new { user });
            return new UserCredit(balance, held, [.. CreditRules.Settle(grants, balance).Where(grant => grant.Remaining > Money.Zero)]);
        },
        cancellationToken);

    /// <summary>Takes back what was not spent in time, and notes of some who have spent all that they have none: what never expires is never due.</summary>
    /// <param name="now">UTC, to the millisecond.</param>
    /// <param name="failed">Is told of each with which that fails: it is tried again in a minute.</param>
    /// <param name="cancellationToken">Stops it between two.</param>
    /// <returns>Of how many users something was due.</returns>
    public async Task<int> ExpireDueAsync(DateTimeOffset now, Action<Exception> failed, CancellationToken cancellationToken)
    {
        var due = await database.ReadAsync(
            session => session.QueryAsync<Id<User>>("SELECT DISTINCT user_id FROM credit_grants WHERE due_at <= @now LIMIT @limit", new { now, limit = UsersAtOnce }), cancellationToken);
        foreach (var user in due.Union(await FindSpentAsync(cancellationToken)))
        {
            try
            {
                await database.WriteAsync(session => SettleAsync(session, user, now), cancellationToken);
            }
            catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
            {
                // Others are not to wait for this one.
                failed(new InvalidOperationException($"The credit of {user} cannot be looked at: {failure.Message}", failure));
                await database.WriteAsync(
                    session => session.ExecuteAsync("UPDATE credit_grants SET due_at = @later WHERE user_id = @user AND due_at <= @now", new { user, now, later = now + s_failed }),
                    cancellationToken);
            }
        }

        return due.Count;
    }

    /// <summary>Under the lock under which credit is given: what comes in this moment counts, or is noted afterwards.</summary>
    private async Task<bool> SettleAsync(SqlSession session, Id<User> user, DateTimeOffset now)
    {
        await SqlCredit.LockAsync(session, user);
        var (events, left) = await SqlCredit.ExpireAsync(session, user, accounts.Sponsor, now);
        if (left == Money.Zero)
            await SqlUserUsage.SetCreditAsync(session, user, hasCredit: false);
        await SqlEvents.AppendAsync(session, events);
        return true;
    }

    /// <summary>Of the next users those who count as having credit, and whose account is empty.</summary>
    private async Task<IReadOnlyList<Id<User>>> FindSpentAsync(CancellationToken cancellationToken)
    {
        var (looked, spent) = await database.ReadAsync(
            async session =>
            {
                var looked = await session.QueryAsync<(string User, bool HasCredit)>(
                    "SELECT user_id, has_credit FROM user_usage WHERE user_id > @after ORDER BY user_id LIMIT @limit", new { after = _lastLookedAt, limit = LookedAtOnce });
                var owners = looked.Where(row => row.HasCredit).Select(row => row.User).ToList();
                return (looked, owners.Count == 0 ? [] : await session.QueryAsync<Id<User>>(
                    "SELECT owner FROM accounts WHERE owner IN @owners AND kind = 'Credit' AND posted = 0 AND pending_debits = 0 AND pending_credits = 0 ORDER BY owner LIMIT @limit",
                    new { owners, limit = UsersAtOnce }));
            },
            cancellationToken);
        // What is left out comes with the next round.
        _lastLookedAt = looked.Count < LookedAtOnce ? "" : looked[^1].User;
        return spent;
    }
}
