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

    /// <summary>What a user has.</summary>
    public Task<UserCredit> FindAsync(Id<User> user, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var (balance, held) = await SqlCredit.BalanceAsync(session, user);
            var grants = await session.QueryAsync<CreditGrant>($"SELECT {SqlCredit.Columns} FROM credit_grants WHERE user_id = @user AND remaining > 0", new { user });
            return new UserCredit(balance, held, [.. CreditRules.Settle(grants, balance).Where(grant => grant.Remaining > Money.Zero)]);
        },
        cancellationToken);

    /// <summary>Takes back what was not spent in time.</summary>
    /// <returns>Of how many users it was looked at.</returns>
    public async Task<int> ExpireDueAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        var users = await database.ReadAsync(
            session => session.QueryAsync<Id<User>>("SELECT DISTINCT user_id FROM credit_grants WHERE due_at <= @now LIMIT @limit", new { now, limit = UsersAtOnce }), cancellationToken);
        foreach (var user in users)
        {
            await database.WriteAsync(
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

        return users.Count;
    }
}
