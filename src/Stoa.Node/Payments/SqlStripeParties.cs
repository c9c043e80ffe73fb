using Stoa.Market.Identity;
using Stoa.Market.Payments;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Payments;

/// <summary>What users are at Stripe.</summary>
public sealed class SqlStripeParties(Database database)
{
    private const string Select = "SELECT user_id, customer, account, account_state, version FROM stripe_parties ";
    private static readonly TimeSpan s_lease = TimeSpan.FromMinutes(5);

    public Task<StripeParty?> FindAsync(Id<User> user, CancellationToken cancellationToken) => database.ReadAsync(session => FindAsync(session, user), cancellationToken);

    internal static Task<StripeParty?> FindAsync(SqlSession session, Id<User> user) =>
        session.QueryFirstOrDefaultAsync<StripeParty>(Select + "WHERE user_id = @user", new { user });

    /// <summary>Notes a user's customer. The first one stays.</summary>
    public Task<StripeParty> SetCustomerAsync(Id<User> user, string customer, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await session.SendAsync(
                """
                INSERT INTO stripe_parties (user_id, customer, version) VALUES (@user, @customer, 1)
                ON CONFLICT (user_id) DO UPDATE SET customer = COALESCE(stripe_parties.customer, excluded.customer), version = stripe_parties.version + 1
                """,
                new { user, customer });
            return (await FindAsync(session, user))!;
        },
        cancellationToken);

    /// <summary>Notes a user's account for payouts. The first one stays.</summary>
    public Task<StripeParty> SetAccountAsync(Id<User> user, string account, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await session.SendAsync(
                """
                INSERT INTO stripe_parties (user_id, account, account_state, version) VALUES (@user, @account, @state, 1)
                ON CONFLICT (user_id) DO UPDATE SET account = COALESCE(stripe_parties.account, excluded.account),
                    account_state = COALESCE(stripe_parties.account_state, excluded.account_state), version = stripe_parties.version + 1
                """,
                new { user, account, state = PayoutAccountState.Onboarding });
            return (await FindAsync(session, user))!;
        },
        cancellationToken);

    /// <summary>Users whose account Stripe is to be asked about.</summary>
    public Task<IReadOnlyList<Id<User>>> ListDueAsync(DateTimeOffset now, int limit, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync<Id<User>>("SELECT user_id FROM stripe_parties WHERE due_at <= @now ORDER BY due_at LIMIT @limit", new { now, limit }), cancellationToken);

    /// <summary>Takes a user's account to ask Stripe about it: only who takes it last may write.</summary>
    public Task<StripeParty?> TakeAsync(Id<User> user, bool ifDue, DateTimeOffset now, CancellationToken cancellationToken) => database.WriteAsync<StripeParty?>(
        async session => await session.ExecuteAsync(
            "UPDATE stripe_parties SET version = version + 1, due_at = @lease WHERE user_id = @user AND account IS NOT NULL AND (@always OR due_at <= @now)",
            new { user, always = !ifDue, now, lease = now + s_lease }) == 0
            ? null
            : await FindAsync(session, user),
        cancellationToken);

    /// <summary>Writes what Stripe said of an account that was taken.</summary>
    /// <returns>Whether nothing else came between.</returns>
    public Task<bool> ObserveAsync(StripeParty taken, PayoutAccountState state, CancellationToken cancellationToken) => database.WriteAsync(
        async session => await session.ExecuteAsync(
            "UPDATE stripe_parties SET account_state = @state, version = version + 1, due_at = NULL WHERE user_id = @UserId AND version = @Version",
            new { state, taken.UserId, taken.Version }) > 0,
        cancellationToken);
}
