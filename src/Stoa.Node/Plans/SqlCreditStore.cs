using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Plans;
using Stoa.Node.Background;
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

    /// <summary>Takes back what was not spent in time, of each user by itself; and notes of some who have spent all that they have none: what never expires is never due.</summary>
    /// <param name="now">UTC, to the millisecond.</param>
    /// <param name="tell">Told of a user of whom that failed, and why. It is due still.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Of how many users it did not fail.</returns>
    public async Task<int> ExpireDueAsync(DateTimeOffset now, Action<Id<User>, Exception> tell, CancellationToken cancellationToken)
    {
        var done = await EachByItself.DoAllAsync<Id<User>>(
            after => database.ReadAsync(
                session => session.QueryAsync<Id<User>>(
                    "SELECT DISTINCT user_id FROM credit_grants WHERE due_at <= @now AND user_id > @after ORDER BY user_id LIMIT @limit", new { now, after, limit = UsersAtOnce }),
                cancellationToken),
            user => ExpireAsync(user, now, cancellationToken),
            tell,
            cancellationToken);
        await EachByItself.DoAsync(await FindSpentAsync(cancellationToken), user => ExpireAsync(user, now, cancellationToken), tell, cancellationToken);
        return done;
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

    private Task<bool> ExpireAsync(Id<User> user, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await SqlCredit.LockAsync(session, user);
            var (events, left) = await SqlCredit.ExpireAsync(session, user, accounts.Sponsor, now);
            if (left == Money.Zero)
                await SqlUserUsage.SetCreditAsync(session, user, hasCredit: false);
            await SqlEvents.AppendAsync(session, events);
            return true;
        },
        cancellationToken);
}
