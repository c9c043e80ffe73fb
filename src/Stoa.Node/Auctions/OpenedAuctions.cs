using Stoa.Market.Auctions;

namespace Stoa.Node.Auctions;

/// <summary>Passes auctions on from where they are written to where they are held, within this node.</summary>
public sealed class OpenedAuctions
{
    /// <summary>An auction is durable, and its window runs.</summary>
    public event Action<Auction>? Opened;

    public void Tell(Auction auction) => Opened?.Invoke(auction);
}
