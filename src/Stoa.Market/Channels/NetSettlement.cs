using Stoa.Primitives;

namespace Stoa.Market.Channels;

/// <summary>Many vouchers that were settled together.</summary>
/// <param name="Id">The cause of the transfers that stand for several channels.</param>
/// <param name="Outcomes">For each voucher, in order, what came of it. What is refused takes no other with it.</param>
/// <param name="Paid">What the payees got in all.</param>
/// <param name="Transfers">How many transfers it took.</param>
public sealed record NetSettlement(
    Id<NetSettlement> Id, IReadOnlyList<Outcome<ChannelChange, ChannelRefusal>> Outcomes, Money Paid, int Transfers) : IIdentified
{
    public static string IdPrefix => "net";

    /// <summary>Most vouchers of one settlement.</summary>
    public const int MaxVouchers = 1_000;
}
