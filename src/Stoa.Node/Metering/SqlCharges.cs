using Stoa.Market.Identity;
using Stoa.Market.Metering;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Metering;

/// <summary>What was measured of storage and transfers that were paid, inside a session: written with the entries of the journal that pay for them.</summary>
internal static class SqlCharges
{
    private const string Columns = "id, user_id, kind, node, quantity, price, platform, at";
    private const int ReadAtOnce = 5_000;

    private static readonly SqlRows<UsageCharge> s_insert = SqlRows<UsageCharge>.Insert(
        "usage_charges",
        [
            SqlField<UsageCharge>.OfId("id", charge => charge.Id),
            SqlField<UsageCharge>.OfId("user_id", charge => charge.UserId),
            SqlField<UsageCharge>.OfText("kind", charge => charge.Kind.ToString()),
            SqlField<UsageCharge>.OfText("node", charge => charge.Node),
            SqlField<UsageCharge>.OfInteger("quantity", charge => charge.Quantity),
            SqlField<UsageCharge>.OfInteger("price", charge => charge.Price.Nanodollars),
            SqlField<UsageCharge>.OfInteger("platform", charge => charge.Platform.Nanodollars),
            SqlField<UsageCharge>.OfInteger("at", charge => charge.At.ToUnixTimeMilliseconds()),
        ]);

    public static Task AddAsync(SqlSession session, IReadOnlyList<UsageCharge> charges) => session.SendRowsAsync(s_insert, charges);

    /// <summary>Those of some causes of entries, by the cause.</summary>
    public static async Task<IReadOnlyDictionary<string, UsageCharge>> ReadAsync(SqlSession session, IReadOnlyList<string> causes)
    {
        var charges = new Dictionary<string, UsageCharge>(causes.Count, StringComparer.Ordinal);
        foreach (var part in causes.Chunk(ReadAtOnce))
        {
            foreach (var row in await session.QueryAsync<ChargeRow>($"SELECT {Columns} FROM usage_charges WHERE id IN @part", new { part }))
                charges.Add(row.Id.ToString(), row.ToCharge());
        }

        return charges;
    }

    private sealed record ChargeRow(Id<UsageCharge> Id, Id<User> UserId, UsageKind Kind, string Node, long Quantity, Money Price, Money Platform, DateTimeOffset At)
    {
        public UsageCharge ToCharge() => new(Id, UserId, Kind, Node, Quantity, Price, Platform, At);
    }
}
