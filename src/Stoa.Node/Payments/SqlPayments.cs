using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Payments;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Payments;

/// <summary>Payments inside a session.</summary>
/// <remarks>Who moves money for a user's payments has the user's row locked first, then the payment, then the wallet, so that nobody waits for another in a circle.</remarks>
internal static class SqlPayments
{
    public const string Columns =
        "id, user_id, wallet_id, amount, state, session, url, intent, refunded, disputed, recovered, moves, looks, version, created_at, changed_at, due_at";

    public const string Select = $"SELECT {Columns} FROM payments ";

    private const string Update =
        """
        UPDATE payments SET state = @State, session = @Session, url = @Url, intent = @Intent, refunded = @Refunded, disputed = @Disputed,
            recovered = @Recovered, moves = @Moves, looks = @Looks, version = @Version, changed_at = @ChangedAt, due_at = @DueAt
        WHERE id = @Id
        """;

    /// <summary>Has a user's payments to itself until the act ends.</summary>
    public static Task LockAsync(SqlSession session, Id<User> user) =>
        session.QueryFirstOrDefaultAsync<string>("SELECT id FROM users WHERE id = @user {for update}", new { user });

    public static Task<Payment?> FindAsync(SqlSession session, Id<Payment> id) => session.QueryFirstOrDefaultAsync<Payment>(Select + "WHERE id = @id", new { id });

    public static Task<Payment?> FindLockedAsync(SqlSession session, Id<Payment> id) =>
        session.QueryFirstOrDefaultAsync<Payment>(Select + "WHERE id = @id {for update}", new { id });

    public static Task WriteAsync(SqlSession session, Payment payment) => session.SendAsync(Update, payment);

    public static Task<IReadOnlyList<Refund>> ListRefundsAsync(SqlSession session, Id<Payment> payment) => session.QueryAsync<Refund>(
        "SELECT id, payment_id, amount, state, stripe_id, reason, created_at, changed_at FROM payment_refunds WHERE payment_id = @payment ORDER BY id", new { payment });

    /// <summary>What may be spent of a wallet, which is locked.</summary>
    public static Task<Money> AvailableAsync(SqlSession session, Id<Account> wallet) =>
        session.QuerySingleAsync<Money>("SELECT posted - pending_debits FROM accounts WHERE id = @wallet {for update}", new { wallet });

    /// <summary>Pays what a user owes for payments that went back, oldest first, as far as the wallet reaches.</summary>
    /// <param name="session">Has the user's payments to itself.</param>
    /// <param name="user">The user.</param>
    /// <param name="available">What may be spent.</param>
    /// <param name="world">The account of the world outside.</param>
    /// <param name="now">UTC.</param>
    /// <returns>The transfers, which are still to be applied.</returns>
    public static async Task<IReadOnlyList<Transfer>> CollectAsync(
        SqlSession session, Id<User> user, Money available, Id<Account> world, DateTimeOffset now)
    {
        if (available <= Money.Zero)
            return [];
        var transfers = new List<Transfer>();
        foreach (var owed in await session.QueryAsync<Payment>(
            Select + "WHERE user_id = @user AND refunded + disputed > recovered ORDER BY id {for update}", new { user }))
        {
            var (after, moved) = PaymentRules.Settle(owed, available, world, now);
            foreach (var transfer in moved)
                available -= transfer.Amount;
            transfers.AddRange(moved);
            if (moved.Count > 0)
                await WriteAsync(session, after with { Version = owed.Version + 1 });
        }

        return transfers;
    }

    /// <summary>Applies transfers that the rules have made of what the ledger has, so that it cannot refuse them for want of money.</summary>
    public static async Task ApplyAsync(SqlSession session, IReadOnlyList<Transfer> transfers)
    {
        if (transfers.Count > 0 && (await SqlLedger.ApplyAsync(session, transfers)).Refusal is { } refusal)
            throw new InvalidOperationException($"The ledger refuses transfers of payments: {refusal.Code}: {refusal.Detail}");
    }
}
